package import Digests
internal import Failures
package import Files
internal import Glibc
internal import JSON
package import Metro
internal import Threads

/// The files that inputs name by their addresses, kept in LASH: `inputs/SHA256`.
package struct InputStore: Sendable {
    package let lash: LASH
    package let observer: DepotObserver

    package init(_ lash: LASH, observer: @escaping DepotObserver = { _ in }) {
        (self.lash, self.observer) = (lash, observer)
    }

    /// A file to have.
    package struct Wanted: Sendable {
        package let address: WebAddress
        /// What it must be; nil to take what is there now.
        package let locked: LockedInput?
        /// Who names it, for errors: `metro.yml:4:12`.
        package let place: String
        /// The input that it is for; nil for a need.
        package let input: String?

        package init(_ address: WebAddress, locked: LockedInput?, place: String, input: String?) {
            (self.address, self.locked, self.place, self.input) = (address, locked, place, input)
        }
    }

    /// A file that is there, whole.
    package struct Kept: Sendable {
        package let locked: LockedInput
        package let path: String
    }

    package func path(of digest: Digest) -> String { "\(lash.inputs)/\(digest.hex)" }

    /// What was got from an address the last time, so that a file that has not changed does not come again.
    private struct Record: Codable {
        let address: String
        let sha256: Digest
        let size: Int64
        let validators: Validators
    }

    /// Gets what is not there yet, several at once.
    ///
    /// - Parameter update: the command line that takes what has changed, for errors.
    /// - Returns: in the order of what is wanted.
    /// - Throws: exit code 4 where a file can't be had, 5 where it is not what was locked, 6 where there is no room for it.
    package func fetch(_ wanted: [Wanted], update: String) async throws -> [Kept] {
        try await OwnThread.run { try fetchHere(wanted, update: update) }
    }

    /// On the thread that calls it.
    func fetchHere(_ wanted: [Wanted], update: String) throws -> [Kept] {
        var kept: [String: Kept] = [:]
        var missing: [Wanted] = []
        for file in wanted where kept[file.address.text] == nil {
            if let locked = file.locked, let found = self.kept(locked) {
                kept[file.address.text] = found
            } else if !missing.contains(where: { $0.address == file.address }) {
                missing.append(file)
            }
        }
        if !missing.isEmpty {
            // Two processes would write the same half-fetched files; who waited finds them there.
            let lock = try FileLock.take(lash.locks + "/inputs")
            for found in try get(missing, update: update) { kept[found.locked.address] = found }
            lock.release()
        }
        return wanted.compactMap { kept[$0.address.text] }
    }

    /// Whether the file is there, as far as its size tells.
    package func has(_ locked: LockedInput) -> Bool { File.status(path(of: locked.sha256))?.size == locked.size }

    /// The file, if it is there as it was.
    private func kept(_ locked: LockedInput) -> Kept? {
        let path = path(of: locked.sha256)
        guard File.exists(path) else { return nil }
        if Download.isWhole(path, size: locked.size, digest: locked.sha256) { return Kept(locked: locked, path: path) }
        File.remove(path)
        return nil
    }

    private func get(_ wanted: [Wanted], update: String) throws -> [Kept] {
        try Folder.make(lash.inputs)
        // A part of the disk is left for what is made of the files.
        let free = Folder.freeDisk(at: lash.inputs)
        let limit = free - min(free / 10, 1 << 30)
        var kept: [Kept] = []
        var downloads: [(file: Wanted, record: Record?, download: Download)] = []
        for file in wanted {
            if let locked = file.locked, let found = self.kept(locked) {
                kept.append(found)
                continue
            }
            let place = place(of: file.address)
            let record = file.locked == nil ? self.record(of: file.address) : nil
            var download = Download(
                address: file.address.request, path: place + ".new", what: file.address.fileName,
                digest: file.locked?.sha256, size: file.locked?.size, limit: limit)
            download.isOfWeb = true
            download.known = record?.validators
            downloads.append((file, record, download))
        }
        let results = Downloader { now in
            observer(.progress(DepotProgress(.inputs, done: now.done, total: now.total ?? 0, what: now.what)))
        }.fetch(downloads.map(\.download))
        var failures: [DepotFailure] = []
        for (result, (file, record, download)) in zip(results, downloads) {
            switch result {
            case .failure(let problem): failures.append(failure(problem, file, limit: limit, update: update))
            case .success(let came) where came.isUnchanged:
                guard let record else { continue }
                let locked = LockedInput(address: file.address.text, sha256: record.sha256, size: record.size)
                kept.append(Kept(locked: locked, path: path(of: record.sha256)))
            case .success(let came):
                let path = path(of: came.digest)
                chmod(download.path, 0o444)
                if rename(download.path, path) != 0 { throw FileFailure("rename \(download.path) to", path) }
                let locked = LockedInput(address: file.address.text, sha256: came.digest, size: came.size)
                let record = Record(
                    address: file.address.text, sha256: came.digest, size: came.size, validators: came.validators)
                try File.write(JSONText.encode(record), to: place(of: file.address) + ".json")
                kept.append(Kept(locked: locked, path: path))
            }
        }
        guard let first = failures.first else { return kept }
        if failures.count == 1 { throw first }
        throw DepotFailure(
            "\(failures.count) of \(wanted.count) files of inputs can't be had",
            cause: failures.map { "\($0.place ?? ""): \($0.summary)" + ($0.cause.map { ": \($0)" } ?? "") }
                .joined(separator: "\n"), fix: first.fix, first.exitCode)
    }

    /// Where what belongs to an address lies.
    private func place(of address: WebAddress) -> String {
        "\(lash.inputs)/address-\(Digest(of: address.request).hex)"
    }

    private func record(of address: WebAddress) -> Record? {
        guard let bytes = try? File.read(place(of: address) + ".json", atMost: 1 << 16),
            let record = try? JSONText.decode(Record.self, from: bytes), record.address == address.text,
            !record.validators.isEmpty,
            Download.isWhole(path(of: record.sha256), size: record.size, digest: record.sha256)
        else { return nil }
        return record
    }

    private func failure(
        _ problem: DownloadProblem, _ file: Wanted, limit: Int64, update: String
    ) -> DepotFailure {
        let shown = Shown.text(file.address.text, atMost: 300)
        let reason = Shown.whole(problem.reason)
        let option = file.input.map { "--input \($0)=FILE" }
        let byHand = option.map { ", or fetch it yourself and name the file: \($0)" } ?? ""
        switch problem.kind {
        case .missing:
            return DepotFailure(
                "there is no \(shown)", place: file.place, cause: reason, fix: "check the address\(byHand)",
                .unreachable)
        case .forbidden:
            return DepotFailure(
                "the server does not give \(shown) to everybody", place: file.place, cause: reason,
                fix: option.map { "fetch it with your own login, and name the file: \($0)" }
                    ?? "take it from a place that gives it to everybody", .unreachable)
        case .unreachable:
            return DepotFailure(
                "can't fetch \(shown)", place: file.place, cause: reason,
                fix: "check the address and the network\(byHand)", .unreachable)
        case .wrong:
            return DepotFailure(
                "\(shown) is no longer the file that metro.lock names", place: file.place, cause: reason,
                fix:
                    "to take what is there now: \(update)"
                    + (option.map { "; else find the old file and name it: \($0)" } ?? ""),
                .integrity)
        case .tooLarge:
            return DepotFailure(
                "\(shown) is too large", place: file.place,
                cause: "\(reason): the disk of \(lash.root) has no more than \(Amounts.bytes(limit)) for it",
                fix: "free some space, or set LASH to a folder on a larger disk", .resources)
        case .disk:
            return DepotFailure(
                "can't keep \(shown)", place: file.place, cause: reason,
                fix: "free some space, or set LASH to a folder on another disk", .resources)
        }
    }
}
