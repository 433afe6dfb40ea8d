internal import Files

/// What the runtime writes for people: results to the standard output, all else to the standard error.
enum Output {
    static func line(_ text: String) { write(text + "\n", to: 1) }
    static func note(_ text: String) { write(text + "\n", to: 2) }

    static func size(_ bytes: Int64) -> String {
        var (amount, unit) = (Double(bytes), 0)
        let units = ["B", "kB", "MB", "GB", "TB"]
        while amount >= 1000, unit < units.count - 1 { (amount, unit) = (amount / 1000, unit + 1) }
        return unit == 0 ? "\(bytes) B" : "\(Int(amount * 10) / 10).\(Int(amount * 10) % 10) \(units[unit])"
    }

    static func seconds(_ seconds: Double) -> String {
        if seconds < 60 { return "\(Int(seconds * 10) / 10).\(Int(seconds * 10) % 10) s" }
        let whole = Int(seconds)
        return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    private static func write(_ text: String, to descriptor: Int32) {
        try? File.writeAll(Array(text.utf8), to: descriptor, path: "standard output")
    }
}
