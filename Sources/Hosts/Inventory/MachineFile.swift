internal import Failures

/// A list of machines, one a line: `node1`, `alice@node1`, with what MPI programs (`node1 slots=4`, `node1:4`) and GNU parallel
/// (`4/node1`) say of how many processes each takes, which las finds out itself.
struct MachineFile {
    private(set) var machines: [(name: String, address: String)] = []
    private(set) var notes: [String] = []

    init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            guard var word = line.split(whereSeparator: \.isWhitespace).first, !word.hasPrefix("#") else { continue }
            // GNU parallel's word for this machine.
            if word == ":" || word.hasSuffix("/:") { continue }
            if let slash = word.firstIndex(of: "/"), Int(word[..<slash]) != nil {
                word = word[word.index(after: slash)...]
            }
            if let colon = word.lastIndex(of: ":"), Int(word[word.index(after: colon)...]) != nil,
                word.firstIndex(of: ":") == colon
            {
                notes.append(
                    "“\(Shown.whole(String(word)))”: the number is taken for how many processes it takes, not for a port; “las host add” takes ports"
                )
                word = word[..<colon]
            }
            let host = word.split(separator: "@").last.map(String.init) ?? String(word)
            machines.append((host, String(word)))
        }
    }
}
