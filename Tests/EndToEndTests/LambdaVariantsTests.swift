import Digests
import Files
import Foundation
import JSON
import TestSupport
import Testing

/// The main job: real tools, real data, packed and run; shared by the tests of this folder, made once.
enum LambdaVariants {
    struct Made: Sendable {
        let folder: String
        let metro: String
        let bundle: String
    }

    static let made: Result<Made, any Error> = Result {
        let folder = "/tmp/las-tests/lambda-\(getpid())"
        try? Folder.remove(folder)
        try Folder.make(folder)
        let las = LasCommand(in: folder)
        try las("new", "lambda-variants", "metro")
        let packed = try las("pack", "metro")
        if packed.status != 0 { throw Unpacked(errors: packed.errors) }
        return Made(folder: folder, metro: folder + "/metro", bundle: folder + "/lambda-variants.las")
    }

    /// How many variants the three samples have, as the tools find them by hand.
    static let count = 202

    struct Unpacked: Error { let errors: String }

    /// A table's records: everything but the header, which names versions, dates and paths.
    static func records(_ path: String) throws -> [Substring] {
        String(decoding: try File.read(path), as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
    }

    /// The same commands by hand, in the Debian packages of the lock as `dpkg -x` unpacks them, without any part of las.
    static func byHand(_ made: Made, in folder: String) throws -> [Substring] {
        let root = folder + "/root"
        for inside in ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "proc", "dev", "tmp"] {
            try Folder.make("\(root)/\(inside)")
        }
        for link in ["bin", "sbin", "lib", "lib64"] {
            try FileManager.default.createSymbolicLink(atPath: "\(root)/\(link)", withDestinationPath: "usr/\(link)")
        }
        let lock = try JSONText.parse(try File.read(made.metro + "/metro.lock"))
        let packages = try #require(lock["environments"]?["main"]?["packages"]?.array)
        for package in packages {
            let digest = try #require(package["sha256"]?.string)
            let unpacked = try Program("dpkg").run("-x", "\(BuiltPrograms.lash)/packages/\(digest).deb", root)
            try #require(unpacked.status == 0, "\(unpacked.errors)")
        }
        try File.write(
            """
            set -euo pipefail
            cd /tmp
            examples=/usr/share/doc/bowtie2/examples
            gunzip -c $examples/reference/lambda_virus.fa.gz > ref.fa
            mkdir index
            bowtie2-build --quiet ref.fa index/ref
            samtools faidx ref.fa
            for reads in $examples/reads/*.fq.gz; do
                name=$(basename $reads .fq.gz)
                bowtie2 --threads 2 --rg-id $name --rg SM:$name -x index/ref -U $reads | samtools sort -o $name.bam
                bcftools mpileup -f ref.fa $name.bam | bcftools call -mv -Oz -o $name.vcf.gz
                bcftools index $name.vcf.gz
            done
            bcftools merge *.vcf.gz -o all.vcf
            """, to: root + "/tmp/by-hand.sh")
        let ended = try Program("unshare").run(
            "--mount", "--pid", "--fork", "sh", "-c",
            "mount -t proc proc \(root)/proc && mount --rbind /dev \(root)/dev && exec chroot \(root) env -i PATH=/usr/bin:/bin bash /tmp/by-hand.sh"
        )
        try #require(ended.status == 0, "\(ended.errors)")
        return try records(root + "/tmp/all.vcf")
    }
}

@Suite(.serialized) struct LambdaVariantsTests {
    @Test(.enabled(if: geteuid() == 0 && SSHServer.missing == nil, "chroot needs root, and the host sshd"))
    func aBareHostFindsTheVariantsThatTheToolsFindByHand() throws {
        let made = try LambdaVariants.made.get()
        try withScratch { folder in
            let host = try BareHost(in: folder)
            let las = host.las(in: folder, lash: BuiltPrograms.lash)
            defer { _ = try? las("host", "remove", "lab") }
            #expect(try host.add(las).status == 0)
            let deployed = try las("deploy", made.bundle, "--host", "lab")
            #expect(deployed.status == 0, "\(deployed.errors)")
            let records = try LambdaVariants.records(folder + "/results/merge/all.vcf")
            #expect(records == (try LambdaVariants.byHand(made, in: folder)))
            #expect(records.count == LambdaVariants.count)
        }
    }

    @Test func packedTwiceInOtherPlacesAtOtherTimesTheBytesAreTheSame() throws {
        let made = try LambdaVariants.made.get()
        try withScratch { folder in
            try Folder.make(folder + "/elsewhere/deep")
            try Program("cp").run("-r", made.metro, folder + "/elsewhere/deep/m")
            try Program("find").run(folder + "/elsewhere", "-exec", "touch", "-d", "2001-02-03", "{}", "+")
            // Nothing that was built before is used: layers, images and parts are made anew.
            let lash = folder + "/lash"
            try Folder.make(lash)
            try FileManager.default.createSymbolicLink(
                atPath: lash + "/packages", withDestinationPath: BuiltPrograms.lash + "/packages")
            var las = LasCommand(in: folder, lash: lash)
            las.variables["TZ"] = "Asia/Tokyo"
            let packed = try las("pack", "elsewhere/deep/m", "--output", "other.las")
            #expect(packed.status == 0, "\(packed.errors)")
            #expect(try Program("cmp").run(made.bundle, folder + "/other.las").output == "")
            #expect(try Program("cmp").run(made.bundle, folder + "/other.las").status == 0)
        }
    }

    @Test func standardToolsReadEachImageInTheBundle() throws {
        let made = try LambdaVariants.made.get()
        try withScratch { folder in
            let told = try Program(made.bundle).run("inspect", "--json")
            let parts = try #require(try JSONText.parse(told.output)["parts"]?.array)
            let images = parts.filter { $0["kind"]?.string != "runtime" }
            #expect(images.count == 2)
            // Other tests run the bundle at the same time, by loop devices of their own, and mount refuses a second one for any
            // of the same bytes.
            let bundle = folder + "/own.las"
            try Program("cp").run(made.bundle, bundle)
            for (number, image) in images.enumerated() {
                let offset = try #require(image["offset"]?.integer)
                let size = try #require(image["size"]?.integer)
                let expected = image["kind"]?.string == "metro" ? "plan.json" : "usr/bin/samtools"
                let listed = try Program("unsquashfs").run("-l", "-d", "", "-o", "\(offset)", made.bundle)
                #expect(listed.lines.contains("/" + expected), "\(listed.errors)")
                if geteuid() == 0 {
                    let mounted = "\(folder)/mounted\(number)"
                    try Folder.make(mounted)
                    let mount = try Program("mount").run(
                        "-o", "loop,ro,offset=\(offset),sizelimit=\(size)", bundle, mounted)
                    #expect(mount.status == 0, "\(mount.errors)")
                    defer { _ = try? Program("umount").run("-l", mounted) }
                    #expect(File.exists("\(mounted)/\(expected)"))
                    #expect(try Program("sh").run("-c", "tar -C \(mounted) -cf - . | wc -c").status == 0)
                }
                if access("/dev/fuse", R_OK | W_OK) == 0 {
                    let mounted = "\(folder)/fuse\(number)"
                    try Folder.make(mounted)
                    let mount = try Program("squashfuse").run("-o", "offset=\(offset)", made.bundle, mounted)
                    #expect(mount.status == 0, "\(mount.errors)")
                    defer { _ = try? Program("umount").run("-l", mounted) }
                    #expect(File.exists("\(mounted)/\(expected)"))
                }
            }
        }
    }
}
