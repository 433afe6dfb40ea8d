package import Digests
package import Files

/// Which metros were packed with this LASH, by their images: `made/metro-DIGEST`. Others are strangers'.
package struct PackedHere {
    private let lash: LASH

    package init(_ lash: LASH) { self.lash = lash }

    package func has(_ metro: Digest) -> Bool { File.exists(place(of: metro)) }

    package func remember(_ metro: Digest) throws(FileFailure) {
        if has(metro) { return }
        try Folder.make(lash.made)
        // As the other notes are: it goes when the part goes.
        try File.write("{\"digest\":\"\(metro.hex)\"}", to: place(of: metro))
    }

    private func place(of metro: Digest) -> String { "\(lash.made)/metro-\(metro.hex)" }
}
