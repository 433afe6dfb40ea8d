import Files
import TestSupport
import Testing

@testable import Unpacking

/// Tables of images that mksquashfs made, taken apart, compared and put together again.
@Suite struct TablesDifferenceTests {
    /// An image of many small files, and of more besides.
    private func pack(in folder: String, named name: String, more: Int = 0, _ options: [String] = []) throws
        -> [UInt8]
    {
        let (tree, path) = ("\(folder)/\(name)-tree", "\(folder)/\(name)")
        try Folder.make(tree)
        try File.write(
            (0..<10_000).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }, to: "\(tree)/a long one")
        for number in 0..<600 {
            let into = "\(tree)/folder \(number % 20)"
            try Folder.make(into)
            try File.write("file \(number)", to: "\(into)/some file, number \(number)")
        }
        for number in 0..<more { try File.write("more \(number)", to: "\(tree)/folder 7/a\(number)") }
        let ended = try Program("mksquashfs").run(
            [tree, path, "-comp", "zstd", "-no-xattrs", "-all-time", "0", "-noD", "-quiet", "-no-progress"] + options)
        try #require(ended.status == 0, "\(ended.errors)")
        return try File.read(path)
    }

    private func takenApart(_ image: [UInt8]) -> ImageTables? {
        ImageTables(size: Int64(image.count)) { position, count in
            guard Int(position) + count <= image.count else { return nil }
            return Array(image[Int(position)..<Int(position) + count])
        }
    }

    private func isPart(_ made: ImageTables.Made, of image: [UInt8]) -> Bool {
        made.head == Array(image[..<4096]) && made.tables == Array(image[Int(made.start)...])
    }

    private struct NoTables: Error {}

    private func tables(of image: [UInt8]) throws -> ImageTables {
        guard let tables = takenApart(image) else { throw NoTables() }
        return tables
    }

    @Test(arguments: [
        [], ["-Xcompression-level", "3"], ["-no-fragments", "-no-exports"],
        ["-no-exports", "-Xcompression-level", "19"],
    ]) func tablesThatWereTakenApartArePutTogetherAsTheyWere(_ options: [String]) throws {
        try withScratch("tables") { folder in
            let image = try pack(in: folder, named: "image", options)
            let taken = try tables(of: image)
            let made = try #require(taken.made())
            #expect(isPart(made, of: image))
            #expect(taken.text.count > 2 * made.tables.count)
        }
    }

    @Test func whatAChangedImageHasInCommonWithTheOneBeforeIsNotTold() throws {
        try withScratch("tables") { folder in
            let options = ["-Xcompression-level", "3"]
            let before = try tables(of: try pack(in: folder, named: "before", options))
            let image = try pack(in: folder, named: "after", more: 3, options)
            let after = try tables(of: image)
            let told = try #require(TablesDifference(after, from: before)).bytes
            let heard = try #require(TablesDifference(bytes: told))
            let made = try #require(heard.applied(to: before)?.made())
            #expect(isPart(made, of: image))
            #expect(told.count < made.tables.count * 3 / 4, "\(told.count) of \(made.tables.count)")
            // To one who has something else, it is nothing, or something else.
            #expect(heard.applied(to: after)?.made()?.tables != made.tables)
        }
    }

    @Test func whatIsNoImageHasNoTables() throws {
        try withScratch("tables") { folder in
            let image = try pack(in: folder, named: "image")
            #expect(takenApart([]) == nil)
            #expect(takenApart(Array(repeating: 7, count: 10_000)) == nil)
            // Each byte of the head that says where something is; what can't be read any more is nothing.
            for place in 16..<96 {
                var changed = image
                changed[place] = 0xff
                if let tables = takenApart(changed) { _ = tables.made() }
            }
            for count in stride(from: 0, to: image.count, by: 997) { _ = takenApart(Array(image[..<count])) }
        }
    }

    @Test func aDamagedDifferenceMakesNothingThatIsTakenForTheTables() throws {
        try withScratch("tables") { folder in
            let before = try tables(of: try pack(in: folder, named: "before"))
            let after = try tables(of: try pack(in: folder, named: "after", more: 3))
            let told = try #require(TablesDifference(after, from: before)).bytes
            for count in stride(from: 0, to: told.count, by: 7) {
                #expect(TablesDifference(bytes: Array(told[..<count]))?.applied(to: before) == nil)
            }
            for place in 0..<min(120, told.count) {
                var changed = told
                changed[place] ^= 0x55
                _ = TablesDifference(bytes: changed)?.applied(to: before)?.made()
            }
            // Lengths that would take more memory than what is there.
            var huge = told
            huge.replaceSubrange(28 + 9 + 1..<28 + 9 + 9, with: [0, 0, 0, 0, 3, 0, 0, 0])
            #expect(TablesDifference(bytes: huge)?.applied(to: before) == nil)
        }
    }
}
