package import Failures

/// The other side of a connection does not speak the host protocol, or not ours.
package enum ProtocolFailure: Failure, Hashable {
    /// The bytes are no frame; `text` is how they begin, as text.
    case notFrames(text: String)
    case tooLarge(length: Int)
    case unknownKind(UInt8)
    /// A frame came where another one was awaited.
    case unexpected(kind: Frame.Kind, awaited: String)
    /// A payload is not the message that its kind promises.
    case malformed(kind: Frame.Kind, reason: String)
    /// The other side speaks this version only.
    case version(Int, program: String)
    /// The connection ended in the middle of a frame, or before the awaited one.
    case ended(awaited: String)

    package var summary: String {
        switch self {
        case .notFrames: "the host answers with something else than the runtime's frames"
        case .tooLarge(let length):
            "the host protocol's frames hold at most \(Frame.largestPayload) bytes, here comes one of \(length)"
        case .unknownKind(let kind): "the other side sends a frame of a kind that this las does not know (\(kind))"
        case .unexpected(let kind, let awaited): "the other side sends “\(kind)” where \(awaited) is awaited"
        case .malformed(let kind, _): "the other side sends a “\(kind)” that can't be read"
        case .version(let version, let program):
            "\(program) speaks version \(version) of the host protocol, this las speaks version \(Frame.version)"
        case .ended(let awaited): "the connection ended where \(awaited) was awaited"
        }
    }

    package var cause: String? {
        switch self {
        case .notFrames(let text): "it begins with “\(text)”"
        case .malformed(_, let reason): reason
        default: nil
        }
    }

    package var fix: String? {
        switch self {
        case .notFrames:
            "a start-up file of the host's shell may print text: it must be silent for shells that are not interactive"
        case .unknownKind, .version: "use the same version of las on both sides"
        default: nil
        }
    }

    package var exitCode: ExitCode {
        switch self {
        case .ended, .notFrames: .unreachable
        default: .integrity
        }
    }
}
