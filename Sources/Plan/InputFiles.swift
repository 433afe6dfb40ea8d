package import Metro

/// The files that a metro's inputs stand for, found in its folder: what `Planner` needs to know of the disk.
package struct InputFiles: Hashable, Sendable {
    /// Finds them. All lie inside the folder, links included, else it is an error.
    package static func find(for metro: Metro, in folder: String) throws(MetroFailure) -> InputFiles { InputFiles() }
}
