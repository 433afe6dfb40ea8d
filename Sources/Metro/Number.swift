/// A decimal number as people and programs write it: `250`, `-0.1`, `1e-6`; never `nan`, `inf` or `0x1F`.
package enum Number {
    package static func read(_ text: some StringProtocol) -> Double? {
        guard (1...40).contains(text.utf8.count), text.utf8.contains(where: { (48...57).contains($0) }),
            text.utf8.allSatisfy({ (48...57).contains($0) || "+-.eE".utf8.contains($0) }),
            let number = Double(text), number.isFinite
        else { return nil }
        return number
    }
}
