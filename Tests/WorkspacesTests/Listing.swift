import Digests
import Files

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
