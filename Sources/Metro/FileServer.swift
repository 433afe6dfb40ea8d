internal import Files

/// A folder on an FTP server, as a metro names it: it holds the files of a workspace, too.
package struct FileServer: Hashable, Sendable {
    /// Whether what goes to the server and comes from it is encrypted.
    package enum Security: Hashable, Sendable {
        /// `ftp`: where the server offers it.
        case offered
        /// `ftpes`: nothing is said to one that does not.
        case demanded
        /// `ftps`: from the first byte on, as servers have it that listen at a port of its own.
        case implied
    }

    /// As the metro says it; no password stands in it.
    package let address: String
    package let security: Security
    /// nil where the address names none.
    package let user: String?
    /// With its port, where one is named.
    package let host: String
    /// The names of the folders, one in the other; one that is empty at the beginning says that they begin at the server's own `/`.
    package let folders: [String]
    /// What the password is kept as; nil where none is given.
    package let secret: String?

    /// Why a text is no such address.
    package struct Mistake: Error, Hashable {
        package let message: String
        package let fix: String
    }

    private static let schemes: [(name: String, security: Security)] = [
        ("ftp", .offered), ("ftpes", .demanded), ("ftps", .implied),
    ]

    /// Whether a text is meant as one.
    package static func isMeant(by text: String) -> Bool { schemes.contains { text.begins(with: "\($0.name)://") } }

    package init(_ text: String, secret: String? = nil) throws(Mistake) {
        let example = "write it as path: ftp://NAME@ftp.example.org/folder"
        guard let (scheme, security) = Self.schemes.first(where: { text.begins(with: "\($0.name)://") }),
            text.utf8.count < 2000
        else {
            throw Mistake(message: "this is no address of a folder on an FTP server", fix: example)
        }
        var rest = Array(text.utf8)[(scheme.utf8.count + 3)...]
        let slash = rest.firstIndex(of: UInt8(ascii: "/"))
        let path = slash.map { rest[($0 + 1)...] } ?? []
        rest = slash.map { rest[..<$0] } ?? rest
        user = try rest.lastIndex(of: UInt8(ascii: "@")).map { at throws(Mistake) in
            let login = rest[..<at]
            rest = rest[(at + 1)...]
            if login.contains(UInt8(ascii: ":")) {
                throw Mistake(
                    message: "a password does not stand in a metro: whoever gets the metro or its bundle reads it",
                    fix:
                        "leave “:” and the password out; keep it with “las secret set FTP_PASSWORD”, and add “secret: FTP_PASSWORD”"
                )
            }
            guard let name = Self.decoded(login), !name.isEmpty else {
                throw Mistake(message: "the user's name in the address can't be read", fix: example)
            }
            return name
        }
        let isHost = rest.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "._-:[]".utf8.contains(byte)
            }
        }
        guard !rest.isEmpty, isHost, rest.first != UInt8(ascii: ":"), rest.first != UInt8(ascii: "-") else {
            throw Mistake(message: "the address does not say which server it is", fix: example)
        }
        host = String(decoding: rest, as: UTF8.self)
        var folders: [String] = []
        let names = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (number, name) in names.enumerated() {
            guard let name = Self.decoded(name), name != "..", name != ".", !name.utf8.contains(UInt8(ascii: "/"))
            else {
                throw Mistake(
                    message: "the folder's path in the address has a name that can't be one",
                    fix: "write the folders one after the other, without “..”")
            }
            // `//folder` is one of the server's own root, and a slash at the end says nothing.
            if !name.isEmpty || number == 0 && names.count > 1 { folders.append(name) }
        }
        self.folders = folders
        (address, self.security, self.secret) = (text, security, secret)
    }

    /// - Returns: nil where something is encoded that is no text, or has control characters.
    private static func decoded(_ bytes: ArraySlice<UInt8>) -> String? {
        func digit(_ byte: UInt8) -> UInt8? {
            switch byte {
            case 0x30...0x39: byte - 0x30
            case 0x41...0x46, 0x61...0x66: (byte | 0x20) - 0x61 + 10
            default: nil
            }
        }
        var (text, rest): ([UInt8], ArraySlice<UInt8>) = ([], bytes)
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "%") {
                text.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                return nil
            }
            text.append(high << 4 | low)
        }
        return text.contains { $0 < 0x20 || $0 == 0x7F } ? nil : String(validating: text, as: UTF8.self)
    }

    /// Whether files of the one lie in the other.
    package func isBeside(_ other: FileServer) -> Bool {
        host != other.host || zip(folders, other.folders).contains { $0 != $1 }
    }
}

extension FileServer: Codable {
    private enum CodingKeys: String, CodingKey { case address, secret }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        do {
            try self.init(
                container.decode(String.self, forKey: .address),
                secret: container.decodeIfPresent(String.self, forKey: .secret))
        } catch is Mistake {
            throw DecodingError.dataCorruptedError(
                forKey: .address, in: container,
                debugDescription: "the address of a folder on an FTP server is expected")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(address, forKey: .address)
        try container.encodeIfPresent(secret, forKey: .secret)
    }
}
