internal import CMount
internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import Terminal
internal import Workspaces

let workspaceMountCommand = CommandSpec(
    name: "workspace mount", about: "show a workspace of a run as a folder of this machine",
    arguments: [
        .init(name: "NAME", about: "the workspace, as the metro calls it", completes: .nothing),
        .init(name: "DIR", about: "an empty folder; it is made where it is not there"),
    ],
    options: [
        .init(
            name: "--run", value: "RUN", about: "a run of this machine (the newest that has workspaces)",
            completes: .runs)
    ],
    examples: [
        ("las workspace mount panel ~/panel", "until Ctrl-C: every file that any machine of the run has written")
    ],
    details: """
        What is changed there the stations see when the file is closed. It needs FUSE: fusermount3 (Debian's package fuse3), or root. When las
        is killed the folder is, as a rule, unmounted, too, where fusermount3 is installed; “las workspace unmount DIR” does it in any case.
        """
) { invocation, context in
    let chosen = try ChosenWorkspaces(invocation, context, name: invocation.arguments[0])
    let target = Context.absolute(invocation.arguments[1])
    try WorkspaceMount.clear(target)
    try WorkspaceMount(chosen, context.terminal).show(at: target)
    return .done
}

let workspaceUnmountCommand = CommandSpec(
    name: "workspace unmount", about: "end the showing of a workspace as a folder",
    arguments: [.init(name: "DIR", about: "where it is shown")],
    examples: [("las workspace unmount ~/panel", "the folder is empty again, and the process that showed it ends")]
) { invocation, context in
    let target = Context.absolute(invocation.arguments[0])
    guard WorkspaceMount.isShown(at: target) else {
        throw UsageFailure("no workspace is shown at \(Shown.whole(target))")
    }
    let error = las_mount_end(target, WorkspaceMount.isAbandoned(target) ? 1 : 0)
    if error != 0 {
        throw UsageFailure(
            "\(Shown.whole(target)) can't be unmounted: \(String(cString: strerror(error)))",
            fix: "close the programs that use it, and try again")
    }
    return .done
}

/// A workspace shown as a folder.
final class WorkspaceMount {
    private let chosen: ChosenWorkspaces
    private let terminal: Terminal
    private let change: WorkspaceChange
    private var known: (stamp: [File.Status?], record: WorkspaceRecord)?
    private var path = ""

    init(_ chosen: ChosenWorkspaces, _ terminal: Terminal) {
        (self.chosen, self.terminal) = (chosen, terminal)
        change = WorkspaceChange(chosen.first.folder, files: chosen.first.files)
    }

    /// Whether what is shown there has lost its process.
    static func isAbandoned(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) != 0 && errno == ENOTCONN
    }

    static func isShown(at path: String) -> Bool {
        if isAbandoned(path) { return true }
        // The real one; as the kernel lists it, where a space is \040.
        let real = (File.real(path) ?? path).utf8.map { $0 == UInt8(ascii: " ") ? "\\040" : String(UnicodeScalar($0)) }
        let wanted = real.joined()
        guard let mounts = try? File.read("/proc/self/mounts") else { return false }
        return mounts.split(separator: UInt8(ascii: "\n")).contains { line in
            let words = line.split(separator: UInt8(ascii: " "))
            return words.count > 2 && words[2].elementsEqual("fuse.las".utf8)
                && words[1].elementsEqual(wanted.unicodeScalars.map { UInt8($0.value) })
        }
    }

    /// Takes away what a process left that was killed, and makes the folder.
    static func clear(_ path: String) throws {
        if isAbandoned(path) { _ = las_mount_end(path, 1) }
        if isShown(at: path) {
            throw UsageFailure(
                "a workspace is shown at \(Shown.whole(path)) already",
                fix: "las workspace unmount \(Shown.whole(path))")
        }
        try Folder.make(path)
        if try !Folder.names(in: path).isEmpty {
            throw UsageFailure("\(Shown.whole(path)) is not empty", fix: "name another folder; it is made for you")
        }
    }

    func show(at path: String) throws {
        self.path = path
        let record = try chosen.record()
        if !record.isHere { throw chosen.gone }
        let folder = try File.open(chosen.first.files, O_RDONLY | O_DIRECTORY | O_CLOEXEC, action: "open the folder")
        defer { close(folder) }
        var mount = las_mount(
            context: Unmanaged.passUnretained(self).toOpaque(),
            changed: { WorkspaceMount.of($0)?.hasChanged() },
            attribute: { context, path, name in
                guard let path, let name, let self = WorkspaceMount.of(context),
                    let text = self.attribute(String(cString: name), of: String(cString: path))
                else { return nil }
                return strdup(text)
            })
        let error = las_mount_show(folder, path, chosen.first.name, &mount) { WorkspaceMount.of($0)?.isReady() }
        withExtendedLifetime(self) {}
        if error != 0 {
            throw UsageFailure(
                "the workspace can't be shown at \(Shown.whole(path)): \(String(cString: strerror(error)))",
                fix:
                    "FUSE is needed: install fusermount3 (the package fuse3), or see whether /dev/fuse may be used here"
            )
        }
        // A run that nobody leads now knows of it when it goes on.
        if record.hasMap, !chosen.isGoingOn { try? chosen.change { _, _ in } }
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> WorkspaceMount? {
        context.map { Unmanaged<WorkspaceMount>.fromOpaque($0).takeUnretainedValue() }
    }

    private func isReady() {
        terminal.say(
            "“\(chosen.first.name)” of \(chosen.run) is at \(Shown.whole(path)) until Ctrl-C, or “las workspace unmount”"
        )
    }

    private func hasChanged() {
        if chosen.isGoingOn { _ = try? change.ask() }
    }

    private func attribute(_ name: String, of path: String) -> String? {
        guard let path = RelativePath(path), let item = record()?[path] else { return nil }
        switch name {
        case LAS_MOUNT_PLACES: return item.places.joined(separator: ", ")
        case LAS_MOUNT_VERSION: return item.version?.description
        case LAS_MOUNT_SHA256: return item.content.digest?.hex
        default: return nil
        }
    }

    /// Read anew where something was written down since.
    private func record() -> WorkspaceRecord? {
        let folder = chosen.first.folder
        let hosts = ((try? Folder.names(in: folder + "/places")) ?? []).map { "\(folder)/places/\($0)" }
        let stamp = (["\(folder)/map"] + hosts).map { File.status($0) }
        if let known, known.stamp == stamp, known.record.hasMap { return known.record }
        guard let record = try? chosen.first.record() else { return nil }
        known = (stamp, record)
        return record
    }
}
