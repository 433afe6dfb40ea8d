internal import Files

/// What a text, a command or a script, says of where it looks.
package struct ScriptLook: Hashable, Sendable {
    /// The scripts that it mentions.
    var scripts: Set<Int> = []
    /// It names the inputs' folder itself: any of them may be read.
    var looksAtInputs = false
    /// It goes from a file to its folder: what lies there may be read.
    var looksAround = false
    /// It names something of the metro's image that is neither an input nor a script: what it reads can't be told.
    var isOpen = false

    private static let image = Array(".las".utf8)
    /// How commands and scripts get from a path to the folder that it lies in.
    private static let around = ["dirname", "%/*", "/..", ".parent"].map { Array($0.utf8) }
    /// How a script finds what lies beside itself.
    private static let itself = [
        "$0", "${0", "BASH_SOURCE", "__file__", "argv[0]", "FindBin", "commandArgs", "sys.path",
    ]
    .map { Array($0.utf8) }

    /// - Parameters:
    ///   - isScript: whether it lies among the scripts itself.
    ///   - isFilled: values stand in it, so that only names of scripts are looked for.
    init(_ text: [UInt8], _ all: ScriptNames, isScript: Bool = false, isFilled: Bool = false) {
        if all.areMany {
            scripts = Set(all.paths.indices)
        } else {
            scripts = Set(all.paths.indices.filter { number in all.words[number].contains(where: text.holds) })
        }
        if isFilled { return }
        var mayUseAny = false
        // Compiled programs hold such words without meaning a metro by them.
        if !text.prefix(8192).contains(0) {
            looksAround = Self.around.contains(where: text.holds)
            mayUseAny = isScript && Self.itself.contains(where: text.holds)
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
                mayUseAny = mayUseAny || !all.paths.contains { Self.names($0, rest.dropFirst()) }
            } else if !rest.starts(with: "/made".utf8) {
                isOpen = true
            }
        }
        if mayUseAny { scripts = Set(all.paths.indices) }
    }

    /// Of a script that is too large to be looked through: it may use any other.
    init(unknownAmong all: ScriptNames) { scripts = Set(all.paths.indices) }

    /// Whether a text begins with this path, and not with that of another file that begins like it.
    private static func names(_ path: String, _ text: ArraySlice<UInt8>) -> Bool {
        guard text.starts(with: path.utf8) else { return false }
        return text.dropFirst(path.utf8.count).first.map { " \t\r\n'\";|&)<>,:".utf8.contains($0) } ?? true
    }
}

/// The scripts of a metro, and what a text mentions that uses them.
package struct ScriptNames: Hashable, Sendable {
    /// `files/bin/plot.py`.
    let paths: [String]
    /// Of each its name up to the first dot, without a number at the end, and those of the folders that it lies in.
    let words: [[[UInt8]]]

    init(_ paths: [String]) {
        self.paths = paths
        words = paths.map { path in
            let names = path.pathNames.dropFirst()
            let stem = (names.last ?? path).utf8.split(separator: UInt8(ascii: ".")).first
            var word = Array(stem ?? Substring(path).utf8)
            while let last = word.last, word.count > 1, "0123456789_-".utf8.contains(last) { word.removeLast() }
            return [word] + names.dropLast().filter { $0 != "bin" }.map { Array($0.utf8) }
        }
    }

    /// So many that it would take too long to look for each of them: all of them count.
    var areMany: Bool { paths.count > 500 }
}

/// What a command, the scripts that it starts, and those that they start, may look at, told from their texts.
package struct ScriptReach: Hashable, Sendable {
    /// The scripts that count, sorted: those that a text which counts mentions.
    package private(set) var scripts: [String] = []
    package private(set) var looksAtInputs = false
    package private(set) var looksAround = false
    package private(set) var isOpen = false

    /// - Parameters:
    ///   - looks: what the task's own texts say.
    ///   - always: scripts that count in any case.
    ///   - look: what a script says, by its path.
    init(
        _ all: ScriptNames, _ looks: [ScriptLook], always: [Int], look: (String) throws -> ScriptLook
    ) rethrows {
        var waiting = always
        var counted = Set<Int>()
        func add(_ look: ScriptLook) {
            looksAtInputs = looksAtInputs || look.looksAtInputs
            looksAround = looksAround || look.looksAround
            isOpen = isOpen || look.isOpen
            waiting += look.scripts.subtracting(counted)
        }
        looks.forEach(add)
        while let number = waiting.popLast() {
            if counted.insert(number).inserted { add(try look(all.paths[number])) }
        }
        scripts = counted.map { all.paths[$0] }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
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
