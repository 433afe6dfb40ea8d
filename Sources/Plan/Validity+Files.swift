internal import Failures
internal import Files
internal import Glibc
internal import Metro

extension Validity {
    /// - Returns: why the file is not valid, as what is said of it: "is not larger than 0"; nil when it is.
    func objection(to file: InputFiles.Found, in folder: String) -> String? {
        if isEmpty { return nil }
        if let reason = objection(toName: File.name(of: file.elsewhere?.place ?? file.path)) { return reason }
        let location = file.location(in: folder)
        return objection(toContentsAt: file.contents.map { $0.map { "\(location)/\($0)" } } ?? [location])
    }

    /// - Parameter paths: the file, or all files of a folder.
    func objection(toContentsAt paths: [String]) -> String? {
        if largerThan != nil || smallerThan != nil {
            let size = paths.reduce(Int64(0)) { $0 + (File.status($1, follow: true)?.size ?? 0) }
            if let least = largerThan, size <= least { return "is not larger than \(Amount.bytes(least))" }
            if let most = smallerThan, size >= most { return "is not smaller than \(Amount.bytes(most))" }
        }
        if let text = contains, !paths.contains(where: { File.holds(Array(text.utf8), $0) }) {
            return "does not contain “\(Shown.text(text))”"
        }
        return nil
    }
}

/// Amounts as people write them.
enum Amount {
    static func bytes(_ count: Int64) -> String {
        for (unit, name) in [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")]
            as [(Int64, String)]
        where count >= unit {
            let tenths = (count * 10) / unit
            if count % unit == 0 { return "\(count / unit) \(name)" }
            if tenths * unit == count * 10 { return "\(tenths / 10).\(tenths % 10) \(name)" }
            if count % 1024 == 0 { continue }
        }
        for (unit, name) in [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
            as [(Int64, String)]
        where count >= unit && count % unit == 0 { return "\(count / unit) \(name)" }
        return count == 0 ? "0" : Amounts.count(Int(count), "byte")
    }

    static func seconds(_ seconds: Double) -> String {
        var rest = Int(seconds.rounded(.up))
        var parts: [String] = []
        for (unit, name) in [(86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")] where rest >= unit {
            parts.append("\(rest / unit) \(name)\(rest / unit == 1 ? "" : "s")")
            rest %= unit
        }
        return parts.isEmpty ? "0 seconds" : parts.joined(separator: " ")
    }
}
