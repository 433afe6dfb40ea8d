internal import Digests
internal import Threads

/// Finds the files of a group that have the same bytes, by digest; each is stored once. Files of two groups are not
/// compared: a layer's blocks must not depend on what else is in an image.
struct Alike {
    let threads: Int

    /// - Parameter known: by group, the digests of its files where they are known; nothing is read then.
    /// - Returns: by group, for each file the number of the first one with the same bytes: its own where there is no earlier.
    func find(_ groups: [[ImageFile]], known: [[Digest]?]) throws -> [[Int]] {
        var candidates: [Candidate] = []
        func written(_ candidate: Candidate) -> Digest? {
            known.isEmpty ? nil : known[candidate.group]?[candidate.number]
        }
        for (group, files) in groups.enumerated() {
            var sizes: [Int64: Int] = [:]
            for file in files where file.size > 0 { sizes[file.size, default: 0] += 1 }
            for (number, file) in files.enumerated() where (sizes[file.size] ?? 0) > 1 {
                candidates.append(Candidate(group: group, number: number))
            }
        }
        let step = 32
        let unknown = candidates.indices.filter { written(candidates[$0]) == nil }
        let batches = stride(from: 0, to: unknown.count, by: step).map {
            unknown[$0..<min($0 + step, unknown.count)].map { candidates[$0] }
        }
        let read = try Workers.each(batches, on: threads) { batch in
            try batch.map { try groups[$0.group][$0.number].digest() }
        }
        var digests = candidates.map(written)
        for (place, digest) in zip(unknown, read.joined()) { digests[place] = digest }
        var alike = groups.map { Array($0.indices) }
        var first: [Content: Int] = [:]
        for (candidate, digest) in zip(candidates, digests) {
            guard let digest else { continue }
            let content = Content(group: candidate.group, digest: digest)
            if let known = first[content] {
                alike[candidate.group][candidate.number] = known
            } else {
                first[content] = candidate.number
            }
        }
        return alike
    }

    private struct Candidate {
        let group: Int
        let number: Int
    }

    private struct Content: Hashable {
        let group: Int
        let digest: Digest
    }
}

extension ImageFile {
    fileprivate func digest() throws -> Digest {
        switch content {
        case .bytes(let bytes): return Digest(of: bytes)
        case .file, .layered:
            var hasher = SHA256()
            let reader = try FileReading(self)
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(min(size, 128 << 10)), alignment: 64)
            defer { room.deallocate() }
            for offset in stride(from: 0, to: size, by: room.count) {
                let piece = UnsafeMutableRawBufferPointer(rebasing: room[..<Int(min(Int64(room.count), size - offset))])
                try reader.read(at: offset, into: piece)
                hasher.update(UnsafeRawBufferPointer(piece))
            }
            return hasher.digest()
        }
    }
}
