/// The signs of tracks in a terminal: which one has arms to which sides.
enum BoxDrawing {
    /// What an arm is: none, thin, thick.
    enum Weight: Int, Comparable {
        case none, thin, thick

        static func < (left: Weight, right: Weight) -> Bool { left.rawValue < right.rawValue }
    }

    struct Arms: Hashable {
        var up = Weight.none
        var right = Weight.none
        var down = Weight.none
        var left = Weight.none

        var isLevel: Bool { up == .none && down == .none && right != .none && left != .none }
        var isUpright: Bool { right == .none && left == .none && up != .none && down != .none }

        mutating func join(_ other: Arms) {
            (up, right) = (max(up, other.up), max(right, other.right))
            (down, left) = (max(down, other.down), max(left, other.left))
        }

        fileprivate var number: Int {
            ((up.rawValue * 3 + right.rawValue) * 3 + down.rawValue) * 3 + left.rawValue
        }
    }

    static func sign(_ arms: Arms) -> Character { signs[arms.number] ?? " " }

    static func ascii(_ arms: Arms) -> Character {
        if arms.isLevel || (arms.up == .none && arms.down == .none) {
            return max(arms.left, arms.right) == .thick ? "=" : "-"
        }
        return arms.right == .none && arms.left == .none ? "|" : "+"
    }

    /// Arms up, right, down and left, each 0, 1 or 2, before each sign.
    private static let table = """
        0101─ 0202━ 1010│ 2020┃ 0100╶ 0200╺ 0001╴ 0002╸ 1000╵ 2000╹ 0010╷ 0020╻ 0201╼ 0102╾ 1020╽ 2010╿
        0110╭ 0210┍ 0120┎ 0220┏ 0011╮ 0012┑ 0021┒ 0022┓ 1100╰ 1200┕ 2100┖ 2200┗ 1001╯ 1002┙ 2001┚ 2002┛
        1110├ 1210┝ 2110┞ 1120┟ 2120┠ 2210┡ 1220┢ 2220┣ 1011┤ 1012┥ 2011┦ 1021┧ 2021┨ 2012┩ 1022┪ 2022┫
        0111┬ 0112┭ 0211┮ 0212┯ 0121┰ 0122┱ 0221┲ 0222┳ 1101┴ 1102┵ 1201┶ 1202┷ 2101┸ 2102┹ 2201┺ 2202┻
        1111┼ 1112┽ 1211┾ 1212┿ 2111╀ 1121╁ 2121╂ 2112╃ 2211╄ 1122╅ 1221╆ 2212╇ 1222╈ 2122╉ 2221╊ 2222╋
        """

    private static let signs: [Int: Character] = {
        var signs: [Int: Character] = [:]
        for entry in table.split(whereSeparator: \.isWhitespace) {
            let number = entry.dropLast().reduce(0) { $0 * 3 + ($1.wholeNumberValue ?? 0) }
            if let sign = entry.last { signs[number] = sign }
        }
        return signs
    }()
}
