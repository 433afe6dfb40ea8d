import Failures
import Files
import TestSupport
import Testing

@testable import Hosts

@Suite struct InventoryTests {
    private func read(_ text: String, kind: Inventory.Kind? = nil) throws -> Inventory {
        try withScratch { folder in
            try File.write(text, to: folder + "/file")
            return try Inventory(folder + "/file", kind: kind, environment: [:])
        }
    }

    @Test func namesOfTheOpenSSHConfigurationThatStandForOneMachine() throws {
        try withScratch { folder in
            try Folder.make(folder + "/config.d")
            try File.write("Host deep\nHost \"two words\"\n", to: folder + "/config.d/more")
            try File.write(
                """
                # Host commented
                Host vega deneb *.example.org !bad
                    HostName vega.example.org
                    User alice
                Include config.d/*
                host=altair
                Match user bob
                    Port 2222
                """, to: folder + "/config")
            let found = try Inventory(folder + "/config", kind: nil, environment: [:])
            #expect(found.hosts.map(\.name) == ["vega", "deneb", "deep", "altair"])
            #expect(found.hosts.map { $0.address?.description } == ["vega", "deneb", "deep", "altair"])
            #expect(found.notes.count == 1 && found.notes[0].contains("two words"))
            // What such a name means, ssh itself says when it is reached.
            let meant = try OpenSSHConfiguration(
                of: HostAddress("vega"),
                environment: ["LAS_SSH_CONFIG": folder + "/config", "PATH": "/usr/bin:/bin"])
            #expect(meant.host == "vega.example.org" && meant.user == "alice")
        }
    }

    @Test func anOpenSSHConfigurationThatIncludesItselfIsRefused() throws {
        try withScratch { folder in
            try File.write("Include config\nHost a\n", to: folder + "/config")
            let failure = #expect(throws: HostFailure.self) {
                try Inventory(folder + "/config", kind: .openssh, environment: [:])
            }
            #expect(failure?.summary == "files include each other without end")
        }
    }

    @Test func anAnsibleInventoryGivesAddressesAndItsGroupsAsLabels() throws {
        let found = try read(
            """
            mail.example.org

            [web]
            www[08:10].example.org ansible_user=web   ; no comment of INI, but no variable either
            alias ansible_host=10.0.0.7 ansible_port=2222 ansible_ssh_private_key_file=~/.ssh/web

            [db]
            db-[a:c]
            alias

            [prod:children]
            web
            db

            [prod:vars]
            ansible_user=ops
            [all:vars]
            ansible_port=22022
            """)
        let hosts = Dictionary(uniqueKeysWithValues: found.hosts.map { ($0.name, $0) })
        #expect(
            found.hosts.map(\.name) == [
                "mail.example.org", "www08.example.org", "www09.example.org", "www10.example.org", "alias", "db-a",
                "db-b",
                "db-c",
            ])
        #expect(hosts["mail.example.org"]?.address?.description == "mail.example.org:22022")
        #expect(hosts["www09.example.org"]?.address?.description == "web@www09.example.org:22022")
        #expect(hosts["alias"]?.address?.description == "ops@10.0.0.7:2222")
        #expect(hosts["alias"]?.identity == "~/.ssh/web")
        #expect(hosts["alias"]?.labels == ["db", "prod", "web"])
        #expect(hosts["db-b"]?.labels == ["db", "prod"])
        #expect(hosts["mail.example.org"]?.labels == [])
    }

    @Test func aYAMLInventoryIsRefusedWithTheWayOut() throws {
        for text in ["all:\n  hosts:\n    a:\n", "---\nall:\n  hosts: {a: {}}\n"] {
            let failure = #expect(throws: HostFailure.self) { try read(text) }
            #expect(failure?.summary == "this inventory is YAML, and las reads Ansible's INI form")
        }
    }

    @Test func machineFilesOfMPIAndOfGNUParallel() throws {
        let found = try read(
            """
            # two nodes
            node1 slots=4
            node2:8
            4/alice@node3.example.org
            :
            node1
            """)
        #expect(found.hosts.map(\.name) == ["node1", "node2", "node3.example.org"])
        #expect(found.hosts.map { $0.address?.description } == ["node1", "node2", "alice@node3.example.org"])
        #expect(found.notes.count == 1 && found.notes[0].contains("node2:8"))
    }

    @Test func whatCanNotBeAHostIsLeftOutAndSaid() throws {
        let found = try read("good\n-oProxyCommand=evil\n$(reboot)\n", kind: .machines)
        #expect(found.hosts.map(\.name) == ["good"])
        #expect(found.notes.count == 2)
    }

    @Test func labelsStayInTheHostList() throws {
        try withScratch { folder in
            let lash = LASH(root: folder)
            try HostList.add(Host(named: "vega", address: HostAddress("vega")), to: lash)
            try HostList.add(Host(named: "deneb", address: HostAddress("deneb")), to: lash)
            #expect(try HostList.label("vega", with: ["gpu", "big"], without: [], in: lash).labels == ["big", "gpu"])
            #expect(try HostList.label("deneb", with: ["big"], without: [], in: lash).labels == ["big"])
            #expect(String(decoding: try File.read(lash.hosts), as: UTF8.self).contains("    labels: [big, gpu]\n"))
            #expect(try HostList.read(lash).hosts(labelled: "big").map(\.name) == ["deneb", "vega"])
            #expect(try HostList.label("vega", with: [], without: ["big"], in: lash).labels == ["gpu"])
            let failure = #expect(throws: HostFailure.self) { try HostList.read(lash).hosts(labelled: "gpus") }
            #expect(failure?.fix == "there are: big, gpu")
            #expect(throws: HostFailure.self) { try HostList.label("vega", with: ["a b"], without: [], in: lash) }
            #expect(throws: HostFailure.self) { try HostList.label("vega", with: [], without: ["big"], in: lash) }
            // Hosts that are known already stay as they are, unless they are to be replaced.
            let anew = try Host(named: "vega", address: HostAddress("elsewhere"))
            #expect(try HostList.add([anew], replacing: false, to: lash) == [])
            #expect(try HostList.add([anew], replacing: true, to: lash) == [anew])
        }
    }
}
