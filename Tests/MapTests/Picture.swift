import Testing

@testable import Map

/// What a picture says, read from its SVG: where each text lies in a widespread and wide typeface, and the rest that must not
/// lie on it.
struct Picture {
    struct Box: CustomStringConvertible {
        let what: String
        let left: Double, top: Double, right: Double, bottom: Double

        var description: String { "“\(what)” at \(Int(left)),\(Int(top))–\(Int(right)),\(Int(bottom))" }

        func overlaps(_ other: Box) -> Bool {
            left < other.right && other.left < right && top < other.bottom && other.top < bottom
        }
    }

    private(set) var width = 0.0
    private(set) var height = 0.0
    private(set) var texts: [Box] = []
    private(set) var plates: [Box] = []
    private(set) var marks: [Box] = []

    init(_ svg: String) {
        var moved: [(x: Double, y: Double)] = [(0, 0)]
        for (tag, text) in Self.elements(svg) {
            let name = tag.prefix { $0 != " " }
            let place = moved[moved.count - 1]
            func number(_ key: String) -> Double { Self.attribute(key, of: tag).flatMap { Double($0) } ?? 0 }
            switch name {
            case "svg": (width, height) = (number("width"), number("height"))
            case "g":
                let numbers = (Self.attribute("transform", of: tag) ?? "").split { !"-0123456789".contains($0) }
                let by = numbers.compactMap { Double($0) }
                moved.append((place.x + (by.first ?? 0), place.y + (by.last ?? 0)))
                if let stop = Self.attribute("data-stop", of: tag) {
                    let (x, y) = (moved[moved.count - 1].x, moved[moved.count - 1].y)
                    marks.append(Box(what: stop, left: x - 7, top: y - 7, right: x + 7, bottom: y + 7))
                }
            case "/g": moved.removeLast()
            case "rect" where Self.attribute("rx", of: tag) != nil:
                let (x, y) = (number("x") + place.x, number("y") + place.y)
                plates.append(
                    Box(what: "plate", left: x, top: y, right: x + number("width"), bottom: y + number("height")))
            case "text": texts.append(Self.box(text, tag, x: number("x") + place.x, y: number("y") + place.y))
            default: break
            }
        }
    }

    /// That no two texts overlap, none leaves the picture, and none lies on the mark of a stop.
    func expectOrder(_ comment: String) {
        for box in texts + plates + marks
        where box.left < 0 || box.top < 0 || box.right > width || box.bottom > height {
            Issue.record("\(comment): \(box) leaves the picture of \(width) × \(height)")
        }
        for (number, box) in texts.enumerated() {
            for other in texts[..<number] where box.overlaps(other) {
                Issue.record("\(comment): \(box) lies on \(other)")
            }
            for mark in marks where box.overlaps(mark) {
                Issue.record("\(comment): \(box) lies on the mark of \(mark)")
            }
        }
        for (number, plate) in plates.enumerated() {
            for other in plates[..<number] where plate.overlaps(other) {
                Issue.record("\(comment): \(plate) lies on \(other)")
            }
        }
    }

    // MARK: Reading

    /// Tags, each with the text after it.
    private static func elements(_ svg: String) -> [(tag: String, text: String)] {
        svg.split(separator: "<").map { part in
            let halves = part.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(halves[0]), halves.count > 1 ? String(halves[1]) : "")
        }
    }

    private static func attribute(_ key: String, of tag: String) -> String? {
        guard let start = tag.range(of: " \(key)=\"") else { return nil }
        return String(tag[start.upperBound...].prefix { $0 != "\"" })
    }

    private static func box(_ text: String, _ tag: String, x: Double, y: Double) -> Box {
        let kinds = (attribute("class", of: tag) ?? "").split(separator: " ")
        let size = kinds.contains("title") ? 20.0 : kinds.contains("note") || kinds.contains("tag") ? 12 : 13
        let isBold = kinds.contains("title") || kinds.contains("tag") || kinds.contains("kept")
        let text = text.replacing("&amp;", with: "&").replacing("&lt;", with: "<").replacing("&gt;", with: ">")
        let width = text.unicodeScalars.reduce(0.0) { $0 + advance($1, isBold: isBold) } * size / 1000
        let isMiddle = kinds.contains("name") || kinds.contains("tag")
        let left =
            isMiddle ? x - width / 2 : attribute("text-anchor", of: tag) == "end" ? x - width : x
        return Box(what: text, left: left, top: y - size * 0.76, right: left + width, bottom: y + size * 0.24)
    }

    /// Of DejaVu Sans, in thousandths of its size, from the space on.
    private static let (regular, bold) = (
        """
        318 401 460 838 636 950 780 275 390 390 500 838 318 361 318 337 636 636 636 636 636 636 636 636 636 636 337 337 838 838 838
        531 1000 684 686 698 770 632 575 775 752 295 295 656 557 863 748 787 603 787 695 635 611 732 684 989 685 611 685 390 337 390
        838 500 500 613 635 550 635 615 352 635 634 278 278 579 278 974 634 612 635 635 411 521 392 634 592 818 592 592 525 636 337
        636 838
        """.split(whereSeparator: \.isWhitespace).compactMap { Double($0) },
        """
        348 456 521 838 696 1002 872 306 457 457 523 838 380 415 380 365 696 696 696 696 696 696 696 696 696 696 400 400 838 838 838
        580 1000 774 762 734 830 683 683 821 837 372 372 775 637 995 837 850 733 850 770 720 682 812 774 1103 771 724 725 457 365 457
        838 500 500 675 716 593 716 678 435 716 712 343 343 665 343 1042 712 687 716 716 493 595 478 712 652 924 645 652 582 712 365
        712 838
        """.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    )

    private static func advance(_ scalar: Unicode.Scalar, isBold: Bool) -> Double {
        let widths = isBold ? bold : regular
        let place = Int(scalar.value) - 0x20
        if widths.indices.contains(place) { return widths[place] }
        return scalar.value < 0x2000 ? 720 : 1000
    }
}
