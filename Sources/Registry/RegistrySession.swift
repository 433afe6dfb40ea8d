internal import Digests
internal import Failures
internal import Glibc
internal import JSON
internal import Threads

/// Requests to one name of a registry, with what it wants to see of the person.
///
/// Credentials go to the registry itself, and to the server that gives tokens for it where that is the same machine, the
/// domain above it, or one that the person has allowed; never along a redirection. For any number of threads.
final class RegistrySession: Sendable {
    let reference: ImageReference
    let base: String
    private let origin: Origin
    private let credentials: Credentials
    /// `pull`, or `pull,push`.
    private let actions: String
    private let state = Monitor(State())
    /// One thread at a time asks for leave.
    private let gate = Monitor(())

    private struct State {
        /// The value of the Authorization header, as far as it is known.
        var authorization: String?
        /// How often it was asked for, so that threads that fail together ask once.
        var turn = 0
    }

    static let tries = 5

    /// - Parameter isPlain: speak http to a registry that is not on this machine.
    init(_ reference: ImageReference, _ credentials: Credentials, actions: String, isPlain: Bool)
        throws(RegistryFailure)
    {
        let host =
            ["docker.io", "index.docker.io"].contains(reference.registry) ? "registry-1.docker.io" : reference.registry
        guard let secure = Origin("https://\(host)") else {
            throw RegistryFailure("“\(reference.registry)” is no registry", .usage)
        }
        base = (secure.isLoopback || isPlain ? "http" : "https") + "://" + host
        guard let origin = Origin(base) else { throw RegistryFailure("“\(reference.registry)” is no registry", .usage) }
        (self.reference, self.credentials, self.actions, self.origin) = (reference, credentials, actions, origin)
    }

    /// `…/v2/NAME/REST`.
    func address(_ rest: String) -> String { "\(base)/v2/\(reference.name)/\(rest)" }

    /// What a `Location` header means, seen from an address of this registry.
    func resolve(_ location: String) throws(RegistryFailure) -> String {
        if location.hasPrefix("/") { return base + location }
        guard let origin = Origin(location), origin.scheme == "https" || origin == self.origin else {
            throw RegistryFailure(
                "the registry leads on to an address that las does not follow", place: reference.registry,
                cause: location, .unreachable)
        }
        return location
    }

    /// Sends a request, again where the registry wants to know who asks, and where it goes wrong for a moment.
    /// - Parameter tries: how often at most; 1 for what must not be done twice without looking.
    func send(
        _ request: WebRequest, over connection: WebConnection, tries: Int = tries,
        sink: ((_ status: Int, UnsafeRawBufferPointer) throws -> Void)? = nil, progress: ((Int64) -> Void)? = nil
    ) throws -> WebAnswer {
        var (number, asked) = (1, 0)
        while true {
            do {
                let (authorization, turn) = state.change { ($0.authorization, $0.turn) }
                var request = request
                if let authorization, Origin(request.address) == origin {
                    request.headers.append(("Authorization", authorization))
                }
                let answer = try connection.exchange(request, sink: sink, progress: progress)
                if answer.status == 401, Origin(request.address) == origin {
                    // A token may have expired since; one that is new and refused stays refused.
                    guard asked < 2 else { throw refusal(answer) }
                    asked += 1
                    try gate.change { _ in try authorize(answer.challenges, after: turn, over: connection) }
                    continue
                }
                guard answer.status == 429 || (500..<600).contains(answer.status), number < tries else { return answer }
                pause(number, answer.headers["retry-after"])
            } catch let failure as RegistryFailure where failure.mayPass && tries > 1 {
                // What went wrong each time is not tried again by whoever called.
                guard number < tries else { throw failure.final }
                pause(number, nil)
            }
            number += 1
        }
    }

    func pause(_ number: Int, _ wanted: String?) {
        let seconds = wanted.flatMap { UInt32($0) }.map { min($0, 30) }
        usleep(seconds.map { $0 * 1_000_000 } ?? 250_000 << UInt32(min(number, 5)))
    }

    // MARK: Who asks

    private func authorize(_ challenges: [String], after turn: Int, over connection: WebConnection) throws {
        // Another thread may have asked already.
        if state.change({ $0.turn }) != turn { return }
        let known = challenges.compactMap(Challenge.init)
        let credential = try credentials.credential(of: reference.registry)
        let value: String
        if let bearer = known.first(where: { $0.scheme == "bearer" }) {
            value = "Bearer " + (try token(bearer, credential, over: connection))
        } else if known.contains(where: { $0.scheme == "basic" }) {
            guard case .password(let user, let password)? = credential else { throw loginNeeded }
            // The same again would be refused again.
            if state.change({ $0.authorization != nil }) { throw wrongPassword }
            value = "Basic " + Base64.encode(Array("\(user):\(password)".utf8))
        } else {
            throw RegistryFailure(
                "the registry wants to be shown something that las does not know", place: reference.registry,
                cause: challenges.first, .unreachable)
        }
        state.change { state in
            (state.authorization, state.turn) = (value, state.turn + 1)
        }
    }

    private func token(_ challenge: Challenge, _ credential: Credential?, over connection: WebConnection) throws
        -> String
    {
        guard let realm = challenge.parameters["realm"], let server = Origin(realm),
            server.scheme == "https" || server == origin || server.isLoopback
        else {
            throw RegistryFailure(
                "the registry names no server for tokens that las may ask", place: reference.registry,
                cause: challenge.parameters["realm"], .unreachable)
        }
        if credential != nil, !mayKnow(server) {
            throw RegistryFailure(
                "the registry sends las to \(Shown.whole(server.host)) with your credentials for \(reference.registry)",
                place: reference.registry,
                fix: "if that is right, allow it: las login \(reference.registry) --realm \(Shown.word(server.host))",
                .integrity)
        }
        let scope = "repository:\(reference.name):\(actions)"
        var fields = [("scope", scope)]
        if let service = challenge.parameters["service"] { fields.append(("service", service)) }
        var request = WebRequest(method: "GET", address: realm)
        switch credential {
        case .identity(let token)?:
            fields += [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "las")]
            request.method = "POST"
            request.headers = [("Content-Type", "application/x-www-form-urlencoded")]
            request.body = .bytes(Array(Self.form(fields).utf8))
        case .password(let user, let password)?:
            request.headers = [("Authorization", "Basic " + Base64.encode(Array("\(user):\(password)".utf8)))]
            request.address += (realm.contains("?") ? "&" : "?") + Self.form(fields + [("account", user)])
        case nil: request.address += (realm.contains("?") ? "&" : "?") + Self.form(fields)
        }
        var answer = try connection.exchange(request)
        for number in 1..<Self.tries where answer.status == 429 || (500..<600).contains(answer.status) {
            pause(number, answer.headers["retry-after"])
            answer = try connection.exchange(request)
        }
        if answer.status == 401 || answer.status == 403 { throw credential == nil ? loginNeeded : wrongPassword }
        guard answer.status == 200, let value = try? JSONText.parse(answer.body),
            let token = value["token"]?.string ?? value["access_token"]?.string,
            token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            throw RegistryFailure(
                "the server for tokens gives none", place: server.host, cause: "it answered \(answer.status)",
                .unreachable)
        }
        return token
    }

    private func mayKnow(_ server: Origin) -> Bool {
        if server.host == origin.host { return true }
        if origin.host == "registry-1.docker.io", server.host == "auth.docker.io" { return true }
        // gitlab.com for registry.gitlab.com; never a name without a point.
        if server.host.contains("."), origin.host.hasSuffix("." + server.host) { return true }
        return credentials.allowedRealms(of: reference.registry).contains(server.host)
    }

    private static func form(_ fields: [(String, String)]) -> String {
        fields.map { "\($0)=\(escaped($1))" }.joined(separator: "&")
    }

    static func escaped(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                escaped.append(Character(UnicodeScalar(byte)))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                escaped += (digits.count == 1 ? "%0" : "%") + digits
            }
        }
        return escaped
    }

    // MARK: What it refuses

    private var loginNeeded: RegistryFailure {
        RegistryFailure(
            "the registry \(reference.registry) wants to know who you are", fix: "las login \(reference.registry)",
            .unreachable)
    }

    private var wrongPassword: RegistryFailure {
        RegistryFailure(
            "the registry \(reference.registry) does not take your name and password",
            fix: "las login \(reference.registry)", .unreachable)
    }

    /// For an answer that is none of those that are awaited.
    /// - Parameter mayPass: whether an error of the server was not tried again yet.
    func refusal(_ answer: WebAnswer, _ what: String? = nil, mayPass: Bool = false) -> RegistryFailure {
        // {"errors": [{"code": "DENIED", "message": "…"}]}
        let errors = (try? JSONText.parse(answer.body))?["errors"]?.array ?? []
        let said = errors.compactMap { error in
            let words = [error["code"]?.string, error["message"]?.string].compactMap { $0 }
            return words.isEmpty ? nil : words.joined(separator: ": ")
        }
        let cause = said.isEmpty ? "it answered \(answer.status)" : said.joined(separator: "; ")
        let doing = what.map { " \($0)" } ?? ""
        switch answer.status {
        case 401, 403:
            return RegistryFailure(
                "the registry does not let you do that\(doing)", place: reference.description, cause: cause,
                fix: "does this account have the right? las login \(reference.registry)", .unreachable)
        case 404:
            return RegistryFailure(
                "the registry does not have that\(doing)", place: reference.description, cause: cause, .usage)
        case 507, 413:
            return RegistryFailure(
                "the registry has no room\(doing)", place: reference.description, cause: cause, .resources)
        default:
            return RegistryFailure(
                "the registry refuses\(doing)", place: reference.description, cause: cause, .unreachable,
                mayPass: mayPass && answer.status >= 500)
        }
    }
}
