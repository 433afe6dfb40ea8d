internal import Glibc

extension File {
    /// Whether the bytes stand somewhere in the file; not in one that can't be read.
    ///
    /// By Knuth, Morris and Pratt, so that a piece of any size costs its own length.
    package static func holds(_ text: [UInt8], _ path: String) -> Bool {
        guard let descriptor = try? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, action: "read") else { return false }
        defer { close(descriptor) }
        if text.isEmpty { return true }
        // For each beginning of the text, the longest shorter beginning that it also ends with.
        var shorter = Array(repeating: 0, count: text.count)
        var length = 0
        for index in text.indices.dropFirst() {
            while length > 0, text[index] != text[length] { length = shorter[length - 1] }
            if text[index] == text[length] { length += 1 }
            shorter[index] = length
        }
        var matched = 0
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return false }
            for byte in chunk[..<count] {
                while matched > 0, byte != text[matched] { matched = shorter[matched - 1] }
                if byte == text[matched] { matched += 1 }
                if matched == text.count { return true }
            }
        }
    }

    /// Whether two paths hold the same: files their bytes, folders the same names with the same in each, links the same
    /// target. What can't be read is not the same as anything.
    package static func areSame(_ left: String, _ right: String) -> Bool {
        guard let (one, other) = zip(status(left), status(right)), one.kind == other.kind else { return false }
        switch one.kind {
        case .file: return one.size == other.size && haveSameBytes(left, right)
        case .link:
            guard let target = target(of: left) else { return false }
            return target == self.target(of: right)
        case .folder:
            guard let names = try? Folder.names(in: left), let others = try? Folder.names(in: right),
                names.map(ExactText.init) == others.map(ExactText.init)
            else { return false }
            return names.allSatisfy { areSame("\(left)/\($0)", "\(right)/\($0)") }
        case .other: return false
        }
    }

    private static func zip(_ left: Status?, _ right: Status?) -> (Status, Status)? {
        if let left, let right { (left, right) } else { nil }
    }

    private static func haveSameBytes(_ left: String, _ right: String) -> Bool {
        guard let one = try? open(left, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read") else { return false }
        defer { close(one) }
        guard let other = try? open(right, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read") else { return false }
        defer { close(other) }
        var (mine, theirs) = ([UInt8](repeating: 0, count: 1 << 18), [UInt8](repeating: 0, count: 1 << 18))
        while true {
            let (count, against) = (fill(&mine, from: one), fill(&theirs, from: other))
            guard count >= 0, count == against, mine[..<count] == theirs[..<count] else { return false }
            if count < mine.count { return true }
        }
    }

    /// - Returns: how many bytes there were, fewer than asked for only at the end; below 0 when it can't be read.
    private static func fill(_ chunk: inout [UInt8], from descriptor: Int32) -> Int {
        var done = 0
        while done < chunk.count {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + done, $0.count - done) }
            if count < 0, errno == EINTR { continue }
            if count < 0 { return -1 }
            if count == 0 { break }
            done += count
        }
        return done
    }
}
