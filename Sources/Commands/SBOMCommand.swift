internal import Failures
internal import Files
internal import Parts
internal import Terminal
internal import Unpacking

let sbomCommand = CommandSpec(
    name: "sbom", about: "list all that a bundle brings, with licences (SPDX 2.3)",
    arguments: [bundleArgument],
    options: [.init(name: "--output", value: "FILE", about: "write it there (standard output)")],
    examples: [
        ("las sbom my-metro.las --output my-metro.spdx.json", "for who must know what is inside"),
        ("las sbom my-metro.las | jq -r '.packages[] | [.name, .versionInfo, .licenseDeclared] | @tsv'", "a table"),
    ],
    details: """
        Each package of the lock stands in it, with its digest and where it is from. Licences are told where a package's
        copyright file says them for machines, and where the names mean the same everywhere; else it says NOASSERTION.
        Bundles carry it as /.las/sbom.spdx.json.
        """
) { invocation, context in
    let bundle = try BundleFile.open(invocation.arguments[0])
    let image = try ImageReader(bundle.path, offset: bundle.metro.offset)
    let text: [UInt8]
    do { text = try image.read(try Packing.path("sbom.spdx.json"), atMost: 256 << 20) } catch {
        throw UsageFailure("the bundle has no list of what it brings", fix: "pack it again with this las")
    }
    if let file = invocation.value("--output") {
        try File.write(text, to: file)
    } else {
        context.terminal.print(bytes: text)
    }
    return .done
}
