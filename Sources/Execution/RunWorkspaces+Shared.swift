internal import CLinux
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Metro
internal import Plan

/// Workspaces in a folder that every machine of a run sees: the run has one of its own there, `PATH/las-RUN/NAME/files`, and
/// `workspaces/NAME/files` of the run leads to it.
extension RunWorkspaces {
    /// Makes what leads to it.
    ///
    /// - Throws: on a machine that the run's leader has given tasks to, where what that has made is not to be seen.
    func link(_ files: String, to shared: SharedFolder, _ name: String) throws(ExecutionFailure) {
        let place = "\(SharedPlace.folder(of: run, in: shared.path))/\(name)/files"
        try check(shared, name)
        if isLeased, File.status(place)?.kind != .folder {
            throw ExecutionFailure(
                "this host does not see the folder of the workspace “\(name)” that the machine sees that leads the run",
                place: shared.path,
                cause: "what that made there, \(Shown.text(place, atMost: 300)), is not there",
                fix: "mount the same file system there on every machine, also on the one where las runs")
        }
        if File.target(of: files) == place { return }
        do throws(FileFailure) {
            try Folder.make(File.parent(of: files))
            try Folder.make(File.parent(of: place))
            if symlink(place, files) != 0, errno != EEXIST { throw FileFailure("make", files) }
        } catch { throw ExecutionFailure(error) }
    }

    private var isLeased: Bool { RunID(File.name(of: run.path))?.isLeased ?? false }

    private func check(_ shared: SharedFolder, _ name: String) throws(ExecutionFailure) {
        guard File.status(shared.path, follow: true)?.kind == .folder else {
            throw ExecutionFailure(
                "the folder of the workspace “\(name)” is not here", place: shared.path,
                fix: "mount it, or make it, under this path on every machine of the run")
        }
        if access(shared.path, W_OK | X_OK) != 0 {
            throw ExecutionFailure(
                "nothing can be written into the folder of the workspace “\(name)”", place: shared.path,
                cause: String(cString: strerror(errno)), fix: "let this user write there")
        }
        guard let kind = SharedPlace.kind(of: shared.path, as: shared.way) else { return }
        throw ExecutionFailure(
            "the folder of the workspace “\(name)” is no \(shared.way.rawValue) file system here", place: shared.path,
            cause: "it is \(kind)",
            fix: "mount it on this machine, or write “via: path” where it may be of any kind")
    }
}

/// Where runs have what they share in a folder that all machines see.
enum SharedPlace {
    static func folder(of run: RunFolder, in path: String) -> String {
        // A host's share of a run has its name, shortened.
        let name = File.name(of: run.path)
        let whole = name.components(before: ".at.")
        return
            "\(path.ends(with: "/") ? String(path.dropLast()) : path)/las-\(String(decoding: whole.utf8.prefix(84), as: UTF8.self))"
    }

    /// - Returns: what the file system is where it is not of that way; nil where it is, or nothing is asked.
    static func kind(of path: String, as way: SharedFolder.Way) -> String? {
        let names: [UInt32: String] = [
            0x6969: "nfs", 0x0BD0_0BD0: "lustre", 0x6573_5546: "fuse", 0xEF53: "ext4", 0x5846_5342: "xfs",
            0x9123_683E: "btrfs", 0x0102_1994: "tmpfs", 0x794C_7630: "overlay",
        ]
        let number = las_file_system(path)
        if number == 0 { return String(cString: strerror(errno)) }
        let isRight =
            switch way {
            case .path: true
            case .nfs: number == 0x6969
            case .lustre: number == 0x0BD0_0BD0
            // Both are programs that serve it.
            case .gluster, .sshfs: number == 0x6573_5546
            }
        return isRight ? nil : names[number] ?? "of another kind (0x\(String(number, radix: 16)))"
    }
}

extension String {
    fileprivate func components(before mark: String) -> String {
        var rest = utf8[...]
        while !rest.isEmpty {
            if rest.starts(with: mark.utf8) { return String(decoding: utf8[..<rest.startIndex], as: UTF8.self) }
            rest = rest.dropFirst()
        }
        return self
    }
}

extension RunFolder {
    /// Removes what the run has in folders that all machines see. A host's share of a run leaves that to who leads it.
    func removeShared() {
        guard RunID(File.name(of: path))?.isLeased == false else { return }
        removeShared(below: workspaces)
    }

    private func removeShared(below folder: String) {
        for name in (try? Folder.names(in: folder)) ?? [] {
            let place = "\(folder)/\(name)"
            switch File.status(place)?.kind {
            case .folder where name != "files" && name != "incoming": removeShared(below: place)
            case .link where name == "files":
                guard let target = File.target(of: place) else { continue }
                let own = "/las-\(String(decoding: File.name(of: path).utf8.prefix(84), as: UTF8.self))/"
                // Nothing that is not the run's.
                guard let range = target.range(ofBytes: own) else { continue }
                try? Folder.remove(File.parent(of: target))
                var above = File.parent(of: File.parent(of: target))
                while above.utf8.count >= range, rmdir(above) == 0 { above = File.parent(of: above) }
            default: continue
            }
        }
    }
}

extension String {
    /// - Returns: how many bytes come before the end of what is looked for, without its last one; nil where it is not there.
    fileprivate func range(ofBytes looked: String) -> Int? {
        let all = Array(utf8)
        let wanted = Array(looked.utf8)
        guard all.count >= wanted.count else { return nil }
        for start in 0...(all.count - wanted.count) where all[start..<start + wanted.count].elementsEqual(wanted) {
            return start + wanted.count - 1
        }
        return nil
    }
}
