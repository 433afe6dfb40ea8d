internal import CCurl
internal import Failures
internal import Metro
internal import Workspaces

/// What libcurl and the server say that went wrong.
struct FTPTrouble {
    private let result: CURLcode
    private let code: Int
    private let told: String
    private let last: String?
    private let server: FileServer

    /// - Parameters:
    ///   - code: the server's last answer.
    ///   - last: its words.
    init(_ result: CURLcode, code: Int, told: String, last: String?, server: FileServer) {
        (self.result, self.code, self.told, self.last, self.server) = (result, code, told, last, server)
    }

    /// - Parameter what: could not be done.
    func trouble(_ what: String) -> RemoteTrouble {
        let said = last.map { Shown.text($0, atMost: 200) }
        let reason = told.isEmpty ? String(cString: curl_easy_strerror(result)) : Shown.text(told, atMost: 200)
        let host = Shown.text(server.host, atMost: 100)
        switch result {
        case CURLE_LOGIN_DENIED:
            return RemoteTrouble(
                .hopeless,
                "the FTP server \(host) does not let \(server.user.map { Shown.text($0) } ?? "anonymous") in",
                cause: said, fix: loginFix)
        case CURLE_USE_SSL_FAILED:
            return RemoteTrouble(
                .hopeless, "the FTP server \(host) does not encrypt, and the address (“ftpes”) demands that it does",
                cause: said, fix: "write ftp:// where nobody between here and there may listen, or another server")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
            return RemoteTrouble(
                .hopeless, "the FTP server \(host) can't prove that it is the one that it says", cause: reason,
                fix: "where it has a certificate of its own: SSL_CERT_FILE=FILE, with what it is to be trusted by")
        case CURLE_SSL_CONNECT_ERROR:
            return RemoteTrouble(
                .hopeless, "no encrypted connection with the FTP server \(host) comes about", cause: reason)
        case CURLE_URL_MALFORMAT:
            return RemoteTrouble(.refused, "can't \(what)", cause: "the file's name can't be said to a server")
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT:
            return RemoteTrouble(
                .away, "the FTP server \(host) can't be reached", cause: reason,
                fix: "see that it runs, and that this machine reaches it")
        case CURLE_REMOTE_DISK_FULL: return full(said ?? reason)
        case CURLE_PARTIAL_FILE, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING:
            return RemoteTrouble(.away, "can't \(what)", cause: reason)
        default: break
        }
        if code == 452 || code == 552 { return full(said ?? reason) }
        if code >= 500, code < 600 {
            // All that a server says of a file that is not there, too.
            let isMissing =
                code == 550
                && [CURLE_REMOTE_FILE_NOT_FOUND, CURLE_FTP_COULDNT_RETR_FILE, CURLE_REMOTE_ACCESS_DENIED].contains(
                    result)
            return RemoteTrouble(
                isMissing && (said ?? "").lowercased().contains("no such") ? .missing : .refused, "can't \(what)",
                cause: said ?? reason, fix: "see that the user may do that in the folder there")
        }
        return RemoteTrouble(.away, "can't \(what)", cause: code >= 400 ? said ?? reason : reason)
    }

    private func full(_ cause: String) -> RemoteTrouble {
        RemoteTrouble(
            .away, "the FTP server \(Shown.text(server.host, atMost: 100)) has no room", cause: cause,
            fix: "free some space there")
    }

    private var loginFix: String {
        if let secret = server.secret { return "see that the password is right: las secret set \(secret)" }
        if server.user == nil {
            return
                "say who asks: path: ftp://NAME@…, with “secret: FTP_PASSWORD” and “las secret set FTP_PASSWORD”"
        }
        return
            "add “secret: FTP_PASSWORD” and keep the password with “las secret set FTP_PASSWORD”, or write it into ~/.netrc"
    }
}
