internal import Files

/// What a command and the scripts that it starts, and those that they start, may look at, told from their texts.
package struct ScriptReach: Hashable, Sendable {
    /// The scripts that count, sorted: those whose names a text that counts mentions.
    package private(set) var scripts: [String] = []
    /// A text names the inputs' folder itself: any of them may be read.
    package private(set) var looksAtInputs = false
    /// A text goes from a file to its folder: what lies there may be read.
    package private(set) var looksAround = false
    /// A text names something of the metro's image that is neither an input nor a script: what it reads can't be told.
    package private(set) var isOpen = false

    package init() {}

    private static let image = Array(".las".utf8)
    /// How commands and scripts get from a path to the folder that it lies in.
    private static let around = ["dirname", "%/*", "/..", ".parent"].map { Array($0.utf8) }
    /// How a script finds what lies beside itself.
    private static let itself = [
        "$0", "${0", "BASH_SOURCE", "__file__", "argv[0]", "FindBin", "commandArgs", "sys.path",
    ]
    .map { Array($0.utf8) }
    /// With more it would take too long to look for each of them.
    private static let mostScripts = 500

    /// - Parameters:
    ///   - all: the scripts that there are, `files/bin/plot.py`.
    ///   - said: texts as the metro has them.
    ///   - filled: the same with their values, which may be a part of a script's name.
    ///   - always: scripts that count in any case.
    ///   - content: nil where it can't be looked through.
    init(
        _ all: [String], said: [[UInt8]], filled: [[UInt8]], always: [String] = [],
        content: (String) throws -> [UInt8]?
    ) rethrows {
        var left = all.map(Names.init)
        var found: [String] = []
        func take(_ counts: (Names) -> Bool) {
            found += left.filter(counts).map(\.path)
            left.removeAll(where: counts)
        }
        var countsAll = all.count > Self.mostScripts
        for text in said where look(at: text, all, isScript: false) { countsAll = true }
        take { name in countsAll || always.contains(name.path) || filled.contains(where: name.isMentioned) }
        var number = 0
        while number < found.count {
            let text = try content(found[number])
            let countsAll = text.map { look(at: $0, all, isScript: true) } ?? true
            take { countsAll || text.map($0.isMentioned) ?? true }
            number += 1
        }
        scripts = found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// - Returns: whether the text says that any script may be used.
    private mutating func look(at text: [UInt8], _ all: [String], isScript: Bool) -> Bool {
        var countsAll = false
        // Compiled programs hold such words without meaning a metro by them.
        if !text.prefix(8192).contains(0) {
            if Self.around.contains(where: text.holds) { looksAround = true }
            countsAll = isScript && Self.itself.contains(where: text.holds)
        }
        let slash = UInt8(ascii: "/")
        for place in text.places(of: Self.image) {
            let rest = text[(place + Self.image.count)...]
            // `x.las` is a bundle's name.
            guard rest.first == slash || place > 0 && text[place - 1] == slash else { continue }
            if rest.starts(with: "/inputs".utf8) {
                looksAtInputs = true
            } else if rest.starts(with: "/files".utf8) {
                // One that is named whole counts by its name.
                countsAll = countsAll || !all.contains { Self.names($0, rest.dropFirst()) }
            } else if !rest.starts(with: "/made".utf8) {
                isOpen = true
            }
        }
        return countsAll
    }

    /// Whether a text begins with this path, and not with that of another file that begins like it.
    private static func names(_ path: String, _ text: ArraySlice<UInt8>) -> Bool {
        guard text.starts(with: path.utf8) else { return false }
        return text.dropFirst(path.utf8.count).first.map { " \t\r\n'\";|&)<>,:".utf8.contains($0) } ?? true
    }

    /// What a text mentions that uses a script.
    private struct Names {
        let path: String
        /// Its name up to the first dot, without a number at the end, and those of the folders that it lies in.
        private let words: [[UInt8]]

        init(_ path: String) {
            self.path = path
            let names = path.pathNames.dropFirst()
            let stem = (names.last ?? path).utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: true)
                .first
            var word = Array(stem ?? Substring(path).utf8)
            while let last = word.last, word.count > 1, "0123456789_-".utf8.contains(last) { word.removeLast() }
            let folders = names.dropLast().filter { $0 != "bin" }.map { Array($0.utf8) }
            words = [word] + folders
        }

        func isMentioned(in text: [UInt8]) -> Bool { words.contains(where: text.holds) }
    }
}

extension [UInt8] {
    fileprivate func holds(_ word: [UInt8]) -> Bool { !places(of: word, atMost: 1).isEmpty }

    /// Where a word begins.
    fileprivate func places(of word: [UInt8], atMost limit: Int = .max) -> [Int] {
        guard let first = word.first, count >= word.count else { return [] }
        var places: [Int] = []
        withUnsafeBufferPointer { text in
            word.withUnsafeBufferPointer { word in
                for start in 0...(text.count - word.count) where text[start] == first {
                    var length = 1
                    while length < word.count, text[start + length] == word[length] { length += 1 }
                    if length == word.count {
                        places.append(start)
                        if places.count == limit { return }
                    }
                }
            }
        }
        return places
    }
}
