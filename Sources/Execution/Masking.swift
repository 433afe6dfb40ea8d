/// Takes texts out of what is written in pieces, and puts `***` in their place.
///
/// Of what came so far the end is held back where it may be the beginning of such a text.
struct Masking {
    static let mask = Array("***".utf8)

    /// The longer ones first.
    private let texts: [[UInt8]]
    private var held: [UInt8] = []

    init(_ texts: [[UInt8]]) { self.texts = texts }

    /// - Returns: what may be shown by now.
    mutating func take(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        if texts.isEmpty { return Array(bytes) }
        let all = held + bytes
        var shown: [UInt8] = []
        var at = 0
        outer: while at < all.count {
            for text in texts where text[0] == all[at] {
                let rest = all[at...]
                if rest.starts(with: text) {
                    shown += Self.mask
                    at += text.count
                    continue outer
                }
                if rest.count < text.count, text.starts(with: rest) {
                    held = Array(rest)
                    return shown
                }
            }
            shown.append(all[at])
            at += 1
        }
        held = []
        return shown
    }

    /// What was held back, when nothing more comes.
    mutating func finish() -> [UInt8] {
        defer { held = [] }
        return held
    }
}
