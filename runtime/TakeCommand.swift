internal import Digests
internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import Parts

/// `las-runtime take KIND NAME SIZE DIGEST …`: parts that were broadcast to this host, as `incoming/cast-DIGEST` in LASH, with their lists of
/// extents beside, become its own if they are whole.
enum TakeCommand {
    static func run(_ arguments: [String]) throws {
        let arguments = try Arguments(arguments, valued: ["lash"], flags: [])
        guard let root = arguments["lash"], arguments.words.count % 4 == 0 else {
            throw UsageFailure("take is started by las only")
        }
        let lash = LASH(root: root)
        let store = PartStore(lash)
        for start in stride(from: 0, to: arguments.words.count, by: 4) {
            let words = Array(arguments.words[start..<start + 4])
            guard let kind = Part.Kind(rawValue: words[0]), let size = Int64(words[2]),
                let digest = Digest(hex: words[3]), Part.allows(words[1], as: kind)
            else { throw UsageFailure("take is started by las only") }
            let part = Part(kind: kind, name: words[1], size: size, digest: digest)
            let file = "\(lash.incoming)/cast-\(digest.hex)"
            let extents = try ExtentList(
                bytes: try File.read(file + ".extents", atMost: ExtentList.largestList), from: file)
            try store.adopt(part, extents: extents, castAs: file)
            File.remove(file + ".extents")
        }
    }
}
