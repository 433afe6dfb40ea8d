import Digests
import Execution
import Files
import Glibc
import HostProtocol
import TestSupport
import Testing

/// An environment is begun to be mounted by the kernel before it is needed.
@Suite(.serialized, .enabled(if: OrdinaryUser.isRootHere, "only root mounts by the kernel")) struct BegunMountTests {
    /// Whether a loop device has this file.
    private func isBehindADevice(_ image: String) -> Bool {
        ((try? Folder.names(in: "/sys/block")) ?? []).contains { name in
            let file = (try? File.read("/sys/block/\(name)/loop/backing_file", atMost: 4096)) ?? []
            return String(decoding: file, as: UTF8.self) == image + "\n"
        }
    }

    private func waitUntil(_ condition: () -> Bool) throws {
        let deadline = time(nil) + 120
        while !condition() {
            try #require(time(nil) < deadline)
            usleep(10_000)
        }
    }

    private func start(_ image: String) throws -> RunStart {
        let size = try #require(File.status(image)).size
        func location(_ size: Int64) -> ImageLocation {
            ImageLocation(path: image, offset: 0, size: size, digest: Digest(of: []))
        }
        return RunStart(run: RunID(for: "begun"), metro: location(size), environments: ["main": location(size)])
    }

    private func withCopy(_ body: (_ image: String, _ scratch: String) throws -> Void) throws {
        try withScratch { scratch in
            let image = scratch + "/environment"
            _ = try Program("cp").run(TestImages.environment, image)
            try body(image, scratch)
        }
    }

    @Test func itGoesAwayWhereItIsNotTaken() throws {
        try withCopy { image, scratch in
            Ladder.begin(try start(image), in: LASH(root: scratch))
            try waitUntil { isBehindADevice(image) }
            Ladder.forgetBegun()
            try waitUntil { !isBehindADevice(image) }
        }
    }

    @Test func noneIsBegunOfAStrangerOrForAnotherEngine() throws {
        try withCopy { image, scratch in
            let lash = LASH(root: scratch)
            var strangers = try start(image)
            strangers.isStranger = true
            Ladder.begin(strangers, in: lash)
            var extracted = try start(image)
            extracted.engine = .extraction
            Ladder.begin(extracted, in: lash)
            try File.write(#"{"engine": "fuse"}"#, to: scratch + "/policy.json")
            Ladder.begin(try start(image), in: lash)
            // Waits for what was begun, and undoes it.
            Ladder.forgetBegun()
            #expect(!isBehindADevice(image))
        }
    }
}
