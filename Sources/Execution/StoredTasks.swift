internal import Files

/// Entries of the store of what tasks made, for who looks after it.
package enum StoredTasks {
    /// Reads all of an entry.
    ///
    /// - Returns: whether what it keeps is what its record says.
    package static func isWhole(_ folder: String) -> Bool {
        guard let record = SealedFile.read(TaskStore.Record.self, folder + "/record"),
            record.version == TaskStore.Record.version, record.key.hex == File.name(of: folder)
        else { return false }
        return record.entries.allSatisfy { kept in
            var unseen = kept
            unseen.stamp = nil
            return TaskStore.check(unseen, in: folder + "/made") != nil
        }
    }
}
