/// One message of the host protocol: four bytes of payload length (big endian), one byte of kind, the payload.
///
/// `docs/host-protocol.md` describes it. All payloads but those of `data` and `extents` are JSON.
package struct Frame: Hashable, Sendable {
    /// Who sends: L las, H the host's runtime.
    package enum Kind: UInt8, Sendable, CaseIterable {
        /// L, H: `Hello`. The first frame of both sides; nothing else is sent before the other's came.
        case hello = 1
        /// L: `Offer` → H: `Have`.
        case offer = 2
        case have = 3
        /// L: `PartHeader`, then `extents` → H: `want` → L: `data` frames of what is wanted, then `commit` → H: `Committed`.
        case part = 4
        case extents = 5
        case data = 6
        case commit = 7
        case committed = 8
        /// L: `Start` → H: `Started`.
        case start = 9
        case started = 10
        /// L: `Follow` → H: `event` frames (each a `RunEvent`), until `runEnded`.
        case follow = 11
        case event = 12
        /// L: `Cancel` → H: `Done`; the events tell how the run ends. May come while following.
        case cancel = 13
        /// L: `Fetch` → H: for each file `file` (`FileHeader`), `data` frames, `fileEnd` (`FileEnd`); then `Done`.
        case fetch = 14
        case file = 15
        case fileEnd = 16
        /// L: `Clean` → H: `Done`.
        case clean = 17
        case done = 18
        /// H (or L): `Refusal`, instead of the awaited answer.
        case refusal = 19
        /// H: which extents of the part it lacks.
        case want = 20
        /// L: `Resume` → H: `Started`.
        case resume = 21
        /// L: `Start` → H: `Standing`, in as many frames as it takes. From here on both sides send when they have something:
        /// the connection is the run's, and takes no other requests.
        case work = 22
        case standing = 23
        /// L: a `Lease` as JSON, in as many frames as it takes; an empty one ends it.
        case lease = 24
        /// L, H: `MadeHeader`, as often as its list of files takes, then the bytes of these files in `data` frames.
        case made = 25
        /// H: `LeaseBegan`.
        case leaseBegan = 26
        /// H: `LeaseEnded`, behind what the task made and printed.
        case leaseEnded = 27
        /// L: `LeaseNote`: its end is here, with all that belongs to it.
        case taken = 28
        /// L: `LeaseNote`: it is no longer wanted.
        case revoke = 29
        /// L: an empty object → H: the same: whether the other side is still there.
        case alive = 30
        /// L: an empty object: nothing is wanted any more, all that the run left on the host may go → H: `Done`.
        case dismiss = 31
        /// L, H: two texts, each behind its length (two bytes, big endian): a workspace of the run and what the host is called in it;
        /// then a message about it. Without a workspace's name: all was told that there was when the connection began.
        case share = 32
        /// L: `Lines`: the data of parts comes over further channels → H: `Done`, when it has these.
        case lines = 33
        /// L: `Clear`: parts that nothing needs may go → H: `Cleared`.
        case clear = 34
        case cleared = 35
        /// H: what a task prints while it runs: the lease's id, one byte (1 for its standard error), 8 bytes of where in the log it
        /// stands, big endian, and what was printed.
        case printed = 36
        /// L: `LeaseNote`: it is wanted back, if it has not begun → H: `returned`; nothing, if it has.
        case reclaim = 37
        /// H: `LeaseNote`: it did not begin, and never will.
        case returned = 38
        /// L: the tables of an image by their difference from another's, in as many frames as it takes; an empty one ends it.
        case tables = 39
    }

    package let kind: Kind
    package let payload: [UInt8]

    package init(kind: Kind, payload: [UInt8]) { (self.kind, self.payload) = (kind, payload) }

    /// The largest payload that either side sends or takes.
    package static let largestPayload = 1 << 20
    /// What a sender puts into one `data` frame.
    package static let dataChunk = 256 << 10
    package static let version = 6
}
