internal import Digests
internal import Files
internal import Unpacking

/// Images unpacked once, in LASH's `images/DIGEST`, shared by all runs. A folder has its name only when it is whole.
struct ImageCache {
    private let lash: LASH

    init(_ lash: LASH) { self.lash = lash }

    /// Unpacks it where that was not done yet; another process that does so is waited for.
    func folder(of image: ImageLocation) throws(ExecutionFailure) -> String {
        let place = "\(lash.images)/\(image.digest.hex)"
        if File.exists(place) { return place }
        do {
            let lock = try FileLock.take("\(lash.locks)/image-\(image.digest.hex)")
            defer { withExtendedLifetime(lock) {} }
            if File.exists(place) { return place }
            let beside = try Folder.makeTemporary(in: lash.images, named: ".\(image.digest.short)")
            do {
                try Folder.make(beside + "/tree")
                try ImageReader(image.path, offset: image.offset).unpack(into: beside + "/tree")
                try Folder.syncDisk(of: beside)
                try File.rename(beside + "/tree", to: place)
                try? Folder.remove(beside)
            } catch {
                try? Folder.remove(beside)
                throw error
            }
            return place
        } catch {
            throw ExecutionFailure(error)
        }
    }
}
