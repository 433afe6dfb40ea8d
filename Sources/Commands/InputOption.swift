internal import Failures
internal import Files
internal import Metro
internal import Plan

/// `--input NAME=PATH`, as often as one likes.
enum InputOption {
    static let option = CommandSpec.Option(
        name: "--input", value: "NAME=PATH",
        about: "other files for an input: a path, a pattern or an address; repeat it for more", mayRepeat: true,
        completes: .inputs)

    static func values(_ invocation: Invocation, _ context: Context) throws -> [ReplacedInputs.Value] {
        try invocation.values(option.name).map { text in
            let bytes = text.utf8
            guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")), equals > bytes.startIndex,
                bytes.index(after: equals) < bytes.endIndex
            else {
                throw UsageFailure(
                    "--input names an input and files for it, and not “\(Shown.text(text))”",
                    fix: "--input reads=FILE, --input reads='FOLDER/*.fq', or --input reads=https://…")
            }
            let typed = String(decoding: bytes[bytes.index(after: equals)...], as: UTF8.self)
            return ReplacedInputs.Value(
                input: String(decoding: bytes[..<equals], as: UTF8.self), typed: typed, pattern: pattern(typed, context)
            )
        }
    }

    private static func pattern(_ typed: String, _ context: Context) -> String {
        if WebAddress.isMeant(by: typed) { return typed }
        // A shell leaves “~” alone after “NAME=”.
        let home = context.environment["HOME"] ?? "~"
        let path = typed.after("~/").map { "\(home)/\($0)" } ?? typed
        let names = Context.absolute(path).pathNames.filter { $0 != "." }
        return "/" + names.joined(separator: "/") + (path.ends(with: "/") ? "/" : "")
    }
}
