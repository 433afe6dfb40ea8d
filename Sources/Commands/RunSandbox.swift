internal import Failures
internal import Terminal

/// `--sandbox off`: only for what runs on this machine, and only by the person who starts them; no metro and no bundle can say it.
enum RunSandbox {
    static let option = CommandSpec.Option(
        name: "--sandbox", value: "off",
        about: "do not keep tasks apart, for a metro that you trust; nothing of it is kept for later runs",
        completes: .oneOf(["off"]))

    static func isOff(_ invocation: Invocation) throws -> Bool {
        guard let text = invocation.value("--sandbox"), text != "on" else { return false }
        if text == "off" { return true }
        throw UsageFailure("--sandbox is on or off, not “\(Shown.text(text))”")
    }
}
