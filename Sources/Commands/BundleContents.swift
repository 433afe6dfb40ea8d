internal import Digests
internal import Failures
internal import Files
internal import JSON
internal import Layers
internal import Metro
internal import Parts
internal import Unpacking

/// A bundle as people ask about it: its environments with their packages, its files.
struct BundleContents {
    let bundle: BundleFile
    /// `metro.lock`, as the bundle brings it; null where there is none.
    let lock: JSONValue
    /// Empty for bundles of before there was such a thing.
    let slimming: Slimming

    init(_ path: String) throws {
        bundle = try BundleFile.open(path)
        let image = try ImageReader(path, offset: bundle.metro.offset)
        let text = try image.read(try Packing.path("metro.lock"), atMost: 256 << 20)
        lock = try JSONText.parse(text)
        let slimmed = try? image.read(try Packing.path(Slimming.file), atMost: 1 << 20)
        slimming = slimmed.flatMap { try? JSONText.decode(Slimming.self, from: $0) } ?? Slimming()
    }

    struct Package: Hashable {
        let name: String
        let version: String
        let size: Int64
    }

    var environments: [PlacedPart] { bundle.parts.filter { $0.part.kind == .environment } }

    /// Sorted by name.
    func packages(of environment: String) -> [Package] {
        let locked = lock["environments"]?[environment]
        let items = (locked?["packages"]?.array ?? []) + (locked?["wheels"]?.array ?? [])
        return items.compactMap { item in
            guard let name = item["name"]?.string, let version = item["version"]?.string else { return nil }
            return Package(name: name, version: version, size: item["size"]?.integer ?? 0)
        }
    }

    /// What the metro asked for, in its own words, by kind.
    func needs(of environment: String) -> [(kind: String, words: [String])] {
        let needs = try? lock["environments"]?[environment]?["needs"]?.decode(Needs.self)
        return (needs?.kinds ?? []).map { (kind: $0.name, words: $0.words) }
    }

    /// What the environment's image does without.
    func leftOut(of environment: String) -> [SlimmedTree.LeftOut] { slimming.environments[environment] ?? [] }

    func listing(of placed: PlacedPart) throws -> ImageListing {
        try ImageListing(ImageReader(bundle.path, offset: placed.offset))
    }

    func read(_ path: String, of placed: PlacedPart, atMost limit: Int = 64 << 20) throws -> [UInt8]? {
        guard let path = RelativePath(path) else { return nil }
        return try? ImageReader(bundle.path, offset: placed.offset).read(path, atMost: limit)
    }

    var json: JSONValue {
        let environments = environments.map { placed -> JSONValue in
            let name = placed.part.name
            return [
                "name": .string(name),
                "needs": .object(
                    Dictionary(
                        uniqueKeysWithValues: needs(of: name).map { ($0.kind, .array($0.words.map(JSONValue.string))) })
                ),
                "packages": .array(
                    packages(of: name).map {
                        ["name": .string($0.name), "version": .string($0.version), "size": .integer($0.size)]
                    }),
                "left_out": .array(
                    leftOut(of: name).map {
                        ["what": .string($0.rule), "files": .integer(Int64($0.files)), "size": .integer($0.bytes)]
                    }),
            ]
        }
        return [
            "metro": .string(bundle.metro.part.name), "identity": .string(bundle.identity.hex),
            "size": .integer(bundle.size), "environments": .array(environments),
            "parts": .array(
                bundle.parts.map { placed in
                    [
                        "kind": .string(placed.part.kind.rawValue), "name": .string(placed.part.name),
                        "size": .integer(placed.part.size), "offset": .integer(placed.offset),
                        "digest": .string(placed.part.digest.hex),
                    ]
                }),
        ]
    }
}
