/// Reads a metro file and tells all its mistakes at once.
package enum MetroReader {
    package static func read(path: String) throws(MetroFailure) -> Metro {
        try read(text: [], file: path)
    }

    /// - Parameter file: the path to name in messages.
    package static func read(text: [UInt8], file: String) throws(MetroFailure) -> Metro {
        throw MetroFailure([])
    }
}
