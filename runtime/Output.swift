internal import Files

/// What the runtime writes for people: results to the standard output, all else to the standard error.
enum Output {
    static func line(_ text: String) { write(text + "\n", to: 1) }
    static func note(_ text: String) { write(text + "\n", to: 2) }

    private static func write(_ text: String, to descriptor: Int32) {
        try? File.writeAll(Array(text.utf8), to: descriptor, path: "standard output")
    }
}
