package import Digests
internal import Files
internal import Glibc
internal import Threads

/// What need not be sent: because it came before, or because it lies in another part.
extension IncomingPart {
    /// Extents of this part that follow each other in another file too: for one thread.
    private struct Run: Sendable {
        /// nil for this part's own file.
        let reader: PartReader?
        var offset: Int64
        var numbers: Range<Int>
        var length: Int64
    }

    private static let longestRun: Int64 = 1 << 20

    /// Verifies what an earlier sending left; where nothing was written, nothing is read.
    func takeWhatCame() throws(PartFailure) {
        var runs: [Run] = []
        add(written: File.written(in: descriptor), of: nil, to: &runs)
        try take(runs)
    }

    /// Copies what other sendings of the same part brought, and removes what nobody goes on with.
    func takeFromOtherSendings() throws(PartFailure) {
        let names = (try? Folder.names(in: store.lash.incoming)) ?? []
        for name in names where name.begins(with: part.digest.hex) && name != File.name(of: path) {
            let other = "\(store.lash.incoming)/\(name)"
            guard let file = try? OpenFile(other) else { continue }
            var runs: [Run] = []
            let reader = PartReader(file, offset: 0, size: file.size)
            add(written: File.written(in: file.descriptor), of: reader, to: &runs)
            try take(runs)
            if flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 { File.remove(other) }
        }
    }

    /// The extents that lie whole in what was written of a file of this part.
    private func add(written: [Range<Int64>], of reader: PartReader?, to runs: inout [Run]) {
        var number = 0
        for range in written {
            while number < starts.count, starts[number] < range.lowerBound { number += 1 }
            while number < starts.count, starts[number] + extents.extents[number].length <= range.upperBound {
                if isLacking(number) { add(number, at: starts[number], of: reader, to: &runs) }
                number += 1
            }
        }
    }

    /// Copies what other parts of the store have, verified on the way.
    func takeFromOtherParts() throws(PartFailure) {
        var places: [Digest: [Int]] = [:]
        for (number, extent) in extents.extents.enumerated() where isLacking(number) {
            places[extent.digest, default: []].append(number)
        }
        var runs: [Run] = []
        for digest in store.newestParts() where digest != part.digest && !places.isEmpty {
            guard let list = try? store.extents(of: digest),
                list.extents.contains(where: { places[$0.digest] != nil }),
                let reader = try? store.reader(of: digest)
            else { continue }
            var offset: Int64 = 0
            for extent in list.extents {
                for number in places.removeValue(forKey: extent.digest) ?? []
                where extents.extents[number].length == extent.length {
                    add(number, at: offset, of: reader, to: &runs)
                }
                offset += extent.length
            }
        }
        try take(runs)
    }

    /// Bytes of the part that were made here, from `position` on: extents that lie whole among them, and are what the list says,
    /// are not wanted any more. Before anything is appended.
    package func take(made bytes: [UInt8], at position: Int64) throws(PartFailure) {
        var good: [Int] = []
        for (number, extent) in extents.extents.enumerated() where isLacking(number) {
            let start = starts[number] - position
            guard start >= 0, start + extent.length <= bytes.count else { continue }
            let piece = bytes[Int(start)..<Int(start + extent.length)]
            guard Digest(of: piece) == extent.digest else { continue }
            var failure: FileFailure?
            piece.withUnsafeBytes { piece in
                do throws(FileFailure) {
                    try File.writeAll(piece, at: starts[number], to: descriptor, path: store.path(of: part.digest))
                } catch { failure = error }
            }
            if let failure { throw PartFailure(failure) }
            good.append(number)
        }
        found(good)
        lookWhatLacks()
    }

    private func add(_ number: Int, at offset: Int64, of reader: PartReader?, to runs: inout [Run]) {
        let length = extents.extents[number].length
        if let last = runs.last, last.reader === reader, last.numbers.upperBound == number,
            last.offset + last.length == offset, last.length + length <= Self.longestRun
        {
            runs[runs.count - 1].numbers = last.numbers.lowerBound..<number + 1
            runs[runs.count - 1].length += length
        } else {
            runs.append(Run(reader: reader, offset: offset, numbers: number..<number + 1, length: length))
        }
    }

    /// On all processors. What is not what it should be, or can't be read, is sent.
    private func take(_ runs: [Run]) throws(PartFailure) {
        if runs.isEmpty { return }
        let (own, list, target) = (descriptor, extents, store.path(of: part.digest))
        let starts = starts
        do {
            let found = try Workers.each(runs, on: Workers.processors) { run -> [Int] in
                let bytes: [UInt8]?
                if let reader = run.reader {
                    bytes = try? reader.read(at: run.offset, count: Int(run.length))
                } else {
                    bytes = try? OpenFile.read(own, at: run.offset, count: Int(run.length), path: target)
                }
                guard let bytes, bytes.count == run.length else { return [] }
                return try bytes.withUnsafeBytes { bytes in
                    var (good, position): ([Int], Int) = ([], 0)
                    for number in run.numbers {
                        let extent = list.extents[number]
                        let piece = UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(extent.length)])
                        position += Int(extent.length)
                        var hasher = SHA256()
                        hasher.update(piece)
                        guard hasher.digest() == extent.digest else { continue }
                        if run.reader != nil {
                            try File.writeAll(piece, at: starts[number], to: own, path: target)
                        }
                        good.append(number)
                    }
                    return good
                }
            }
            for numbers in found { self.found(numbers) }
        } catch let failure as FileFailure {
            throw PartFailure(failure)
        } catch { preconditionFailure("copying extents throws nothing else") }
    }
}

extension PartStore {
    /// The parts that are there, those that came last first.
    package func newestParts() -> [Digest] {
        let names = (try? Folder.names(in: lash.parts)) ?? []
        let found = names.compactMap { name -> (digest: Digest, time: Int)? in
            guard name.utf8.count > 8, name.utf8.suffix(8).elementsEqual(".extents".utf8),
                let digest = Digest(hex: name.dropLast(8))
            else { return nil }
            var info = stat()
            guard stat("\(lash.parts)/\(name)", &info) == 0 else { return nil }
            return (digest, Int(info.st_mtim.tv_sec))
        }
        return found.sorted { ($0.time, $1.digest) > ($1.time, $0.digest) }.map(\.digest)
    }
}
