/// Numbers as people read them.
package enum Amounts {
    /// `512 B`, `3.4 KB`, `120 MB`: powers of 1,000.
    package static func bytes(_ count: Int64) -> String {
        var value = Double(count)
        for unit in ["B", "KB", "MB", "GB"] {
            if value < 999.5 { return unit == "B" ? "\(count) B" : "\(short(value)) \(unit)" }
            value /= 1000
        }
        return "\(short(value)) TB"
    }

    /// `0.4 s`, `12 s`, `3 min 05 s`, `2 h 05 min`.
    package static func seconds(_ seconds: Double) -> String {
        if seconds < 9.95 { return "\(tenths(seconds)) s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        if whole < 3600 { return "\(whole / 60) min \(two(whole % 60)) s" }
        return "\(whole / 3600) h \(two(whole % 3600 / 60)) min"
    }

    /// `1 task`, `3 tasks`.
    package static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    private static func short(_ value: Double) -> String { value < 9.95 ? tenths(value) : "\(Int(value.rounded()))" }

    /// With one digit after the point; what a host says may be no number at all.
    package static func tenths(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "?" }
        let tenths = Int((abs(value) * 10).rounded())
        return "\(value < 0 && tenths > 0 ? "-" : "")\(tenths / 10).\(tenths % 10)"
    }
}
