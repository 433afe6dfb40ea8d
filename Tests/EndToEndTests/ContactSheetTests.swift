import Files
import Foundation
import TestSupport
import Testing

/// The template photo-contact-sheet: pictures that a package brings become one sheet and a page.
@Suite struct ContactSheetTests {
    /// Reads a PNG of 8 bits by hand, and tells for each of its 4 × n cells how many colours the picture has, and how many points
    /// of its label are white.
    static let sheetJudge = """
        import struct, sys, zlib
        data = open(sys.argv[1], "rb").read()
        assert data[:8] == b"\\x89PNG\\r\\n\\x1a\\n"
        packed, at, palette = b"", 8, None
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at:at + 8])
            body = data[at + 8:at + 8 + size]
            if kind == b"IHDR": width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            if kind == b"IDAT": packed += body
            at += size + 12
        assert depth == 8 and colour in (2, 6) and not interlaced, (depth, colour)
        each = 3 if colour == 2 else 4
        flat, rows, before = zlib.decompress(packed), [], bytes(width * each)
        for y in range(height):
            line = bytearray(flat[y * (width * each + 1) + 1:(y + 1) * (width * each + 1)])
            how = flat[y * (width * each + 1)]
            for x in range(len(line)):
                a, b, c = (line[x - each] if x >= each else 0), before[x], (before[x - each] if x >= each else 0)
                if how == 4:
                    p = a + b - c
                    guess = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                else: guess = (0, a, b, (a + b) // 2)[how]
                line[x] = (line[x] + guess) & 255
            rows.append(bytes(line)); before = line
        cell = 256
        count = round(height / 217)
        for row in range(count):
            top, bottom = row * height // count, (row + 1) * height // count
            for column in range(width // cell):
                def points(first, last):
                    return [rows[y][x * each:x * each + 3] for y in range(first, last) for x in range(column * cell, (column + 1) * cell)]
                white = sum(min(p) > 200 for p in points(bottom - 28, bottom - 8))
                print(len(set(points(top + 8, bottom - 30))), white)
        """

    @Test func everyPhotographIsOnTheSheetAndOnThePage() throws {
        try withScratch { folder in
            let photos = try Template("photo-contact-sheet", in: folder)
            let run = try photos.run()
            #expect(run.errors.contains("4 of 12 photos were left out"), "\(run.errors)")
            let there = try photos.unpacked("xplanet-images") + "/usr/share/xplanet/images"
            // What the program “file” says of each photograph is what the table says.
            let names = ["earth", "hubble", "iss", "mgs", "night", "odyssey", "shuttle", "sun"]
            let rows = try photos.lines("table/photos.tsv").map { $0.split(separator: "\t").map(String.init) }
            #expect(rows.first == ["name", "width", "height", "kind", "size"])
            #expect(rows.dropFirst().map(\.[0]) == names)
            for row in rows.dropFirst() {
                let file = "\(there)/\(row[0])." + (row[3] == "JPEG" ? "jpg" : "png")
                let told = try Program("file").run(file).output
                #expect(
                    told.contains(row[3]) && told.contains("\(row[1])x\(row[2])")
                        || told.contains("\(row[1]) x \(row[2])"))
                #expect(File.status(file)?.size == Int64(row[4]), "\(row)")
            }
            // Eight cells: pictures of their own, with a label each.
            let cells = try photos.judge(Self.sheetJudge, photos.results + "/sheet/contact-sheet.png")
                .map { $0.split(separator: " ").compactMap { Int($0) } }
            #expect(cells.count == 8)
            #expect(cells.allSatisfy { $0[0] > 1 && $0[1] > 10 }, "\(cells)")
            // The page shows what lies beside it, and nothing else.
            let page = try photos.judge(pageJudge, photos.results + "/page/page/index.html", "beside")
            let shown = page.filter { $0.hasPrefix("photos ") }
            #expect(shown.count == 8 && shown.first == "photos |earth 2048 × 1024 JPEG, 267 kB", "\(shown)")
            #expect(
                page.filter { $0.hasPrefix("takes ") }.sorted()
                    == (["contact-sheet.png"] + names.map { $0 + ".jpg" }).map { "takes " + $0 }.sorted())
            for name in names {
                #expect(try Program("file").run("\(photos.results)/page/page/\(name).jpg").output.contains("240x180"))
            }
        }
    }

    @Test func photographsOfOnesOwnMayHaveAnyName() throws {
        try withScratch { folder in
            let photos = try Template("photo-contact-sheet", in: folder)
            try Folder.make(folder + "/mine")
            for name in ["Zürich #1.png", "a <b> & 'c'.png", "50%.png"] {
                try Folder.make(File.parent(of: "\(folder)/mine/\(name)"))
                let made = try photos.judge(
                    """
                    import struct, sys, zlib
                    def chunk(kind, body): return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
                    import random
                    random.seed(1)
                    rows = b"".join(b"\\0" + random.randbytes(3 * 90) for _ in range(120))
                    open(sys.argv[1], "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 90, 120, 8, 2, 0, 0, 0))
                        + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
                    """, "\(folder)/mine/\(name)")
                #expect(made.isEmpty)
            }
            try photos.run("--input", "photos=mine/*")
            #expect(
                try photos.lines("table/photos.tsv").dropFirst().map {
                    $0.split(separator: "\t").prefix(4).joined(separator: "|")
                }
                .sorted() == ["50%|90|120|PNG", "Zürich #1|90|120|PNG", "a <b> & 'c'|90|120|PNG"])
            let page = try photos.judge(pageJudge, photos.results + "/page/page/index.html", "beside")
            #expect(page.contains("photos |a <b> & 'c' 90 × 120 PNG, 33 kB"), "\(page)")
            let shown = page.filter { $0.hasPrefix("takes ") && $0.hasSuffix(".jpg") }.map { String($0.dropFirst(6)) }
            #expect(shown.count == 3)
            for address in shown {
                let path = try #require(address.removingPercentEncoding)
                #expect(File.exists("\(photos.results)/page/page/\(path)"), "\(address)")
            }
        }
    }
}
