internal import Files
internal import Glibc
internal import Layers

/// The shared libraries that built programs and libraries name. Where one is missing only a station would tell, by failing.
///
/// A built layer has them in its file `needed`: on each line a name, a tab, and the file that names it.
struct SharedLibraries {
    private static let name = "needed"

    struct Needed: Hashable, Sendable {
        let library: String
        /// Below the root.
        let file: String
    }

    let needed: [Needed]

    /// - Parameter folder: of a layer that is being made.
    static func note(of entries: [LayerEntry], in folder: String) throws {
        var lines = ""
        for entry in entries {
            guard case .file(let size) = entry.kind, size >= 64 else { continue }
            let path = "\(folder)/tree/\(entry.path)"
            guard try begins(path, with: ElfFile.magic), let file = ElfFile(try File.read(path)) else { continue }
            for library in file.libraries where !library.utf8.contains(where: { $0 < 0x20 }) {
                if entry.path.string.utf8.contains(UInt8(ascii: "\n")) { continue }
                lines += "\(library)\t\(entry.path)\n"
            }
        }
        try File.create("\(folder)/\(name)", lines)
    }

    private static func begins(_ path: String, with start: [UInt8]) throws -> Bool {
        let descriptor = try File.open(path, O_RDONLY | O_CLOEXEC, action: "read")
        defer { close(descriptor) }
        var head = [UInt8](repeating: 0, count: start.count)
        return pread(descriptor, &head, head.count, 0) == head.count && head == start
    }

    /// - Parameter folder: of a built layer.
    init(ofLayerIn folder: String) {
        let text = (try? File.read("\(folder)/\(Self.name)")) ?? []
        needed = text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: "\t"), maxSplits: 1)
            guard fields.count == 2 else { return nil }
            return Needed(
                library: String(decoding: fields[0], as: UTF8.self), file: String(decoding: fields[1], as: UTF8.self))
        }
    }

    /// The first that no file of the root is called like, wherever it lies: programs may know of places of their own.
    func missing(among names: Set<ExactText>) -> Needed? {
        needed.first { !names.contains(ExactText(File.name(of: $0.library))) }
    }

    /// What Debian calls the package of a library, by its policy: `libhts3` for `libhts.so.3`.
    static func customaryPackage(of library: String) -> String? {
        let bytes = Array(library.lowercased().utf8)
        guard let dot = bytes.indices.first(where: { bytes[$0...].starts(with: ".so.".utf8) }) else { return nil }
        let isDigit = bytes[..<dot].last.map { (48...57).contains($0) } == true
        let name = bytes[..<dot] + (isDigit ? [UInt8(ascii: "-")] : []) + bytes[(dot + 4)...]
        let text = String(decoding: name.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 }, as: UTF8.self)
        return PackageName.isValid(text) ? text : nil
    }
}
