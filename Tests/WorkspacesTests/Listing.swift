import CLinux
import Digests
import Files
import Glibc

@testable import Workspaces

/// Waits until nobody has a file below a folder open for writing: a child that another test has just started has all that was open here
/// until it becomes its program.
func awaitClosed(_ folder: String) throws {
    for name in try Folder.names(in: folder) {
        let path = "\(folder)/\(name)"
        switch File.status(path)?.kind {
        case .folder: try awaitClosed(path)
        case .file:
            let begun = ContinuousClock.now
            while isWritten(path), ContinuousClock.now - begun < .seconds(120) { usleep(1000) }
        default: break
        }
    }
}

private func isWritten(_ path: String) -> Bool {
    let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    if file < 0 { return false }
    defer { close(file) }
    return las_is_written(file) == 1
}

/// Looks until nothing is left for later.
func lookAtAll(of share: Share) throws {
    let begun = ContinuousClock.now
    while try share.look(settled: true), ContinuousClock.now - begun < .seconds(120) { usleep(1000) }
}

/// All that lies in a folder: paths, kinds, rights, and what is in it. What goes meanwhile is left out.
func listing(_ folder: String, _ path: String = "") throws -> [String] {
    var lines: [String] = []
    for name in try Folder.names(in: folder + path) {
        let inside = "\(path)/\(name)"
        guard let status = File.status(folder + inside) else { continue }
        switch status.kind {
        case .folder: lines += ["\(inside)/"] + (try listing(folder, inside))
        case .link: lines.append("\(inside) -> \(File.target(of: folder + inside) ?? "")")
        default:
            guard let bytes = try? File.read(folder + inside) else { continue }
            lines.append("\(inside) \(String(status.mode, radix: 8)) \(Digest(of: bytes).short)")
        }
    }
    return lines
}
