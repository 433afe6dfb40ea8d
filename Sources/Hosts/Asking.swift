internal import Synchronization

/// Asks the person for what only they know. One question at a time, also where several hosts are reached at once.
package final class Asking: Sendable {
    package enum Question: Hashable, Sendable {
        /// The passphrase of a private key's file.
        case passphrase(file: String, isAgain: Bool)
        /// The password of an account: `user@host`.
        case password(account: String)
        /// What a host asks for in its own words (a one-time code), already made safe to show.
        case prompt(text: String, account: String)
    }

    private let answer: @Sendable (Question) -> String?
    private let turn = Mutex(())

    /// - Parameter answer: may block; nil where nobody can be asked or the person gave none.
    package init(_ answer: @escaping @Sendable (Question) -> String?) { self.answer = answer }

    /// Where nobody is there to answer.
    package static let nobody = Asking { _ in nil }

    func callAsFunction(_ question: Question) -> String? { turn.withLock { _ in answer(question) } }
}
