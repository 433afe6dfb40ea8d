import Failures
import Files
import TestSupport
import Testing

@testable import Hosts

@Suite struct HostListTests {
    private func parse(_ text: String) throws(HostFailure) -> HostList {
        try HostList(parsing: Array(text.utf8), from: "hosts.yml")
    }

    @Test func hostsAreAddedReplacedAndRemoved() throws {
        try withScratch { folder in
            let lash = LASH(root: folder)
            #expect(try HostList.read(lash) == HostList())
            try HostList.add(Host(named: "vega", address: HostAddress("alice@vega.example.org:2222")), to: lash)
            try HostList.add(
                Host(
                    named: "deneb", address: HostAddress("deneb"), identity: "~/.ssh/id #1", lash: "/scratch/my: las",
                    program: .openssh), to: lash)
            try HostList.add(Host(named: "vega", address: HostAddress("[2001:db8::1]:22")), to: lash)
            let text = String(decoding: try File.read(lash.hosts), as: UTF8.self)
            #expect(
                text == """
                    hosts:
                      deneb:
                        address: deneb
                        identity: "~/.ssh/id #1"
                        lash: "/scratch/my: las"
                        ssh: openssh
                      vega:
                        address: "[2001:db8::1]:22"

                    """)
            let list = try HostList.read(lash)
            #expect(list.hosts.map(\.name) == ["deneb", "vega"])
            #expect(list["deneb"]?.lash == "/scratch/my: las")
            #expect(list["local"]?.isLocal == true)
            try HostList.remove("vega", from: lash)
            #expect(try HostList.read(lash).hosts.map(\.name) == ["deneb"])
            try HostList.remove("deneb", from: lash)
            #expect(String(decoding: try File.read(lash.hosts), as: UTF8.self) == "hosts: {}\n")
            #expect(try HostList.read(lash).hosts.isEmpty)
        }
    }

    @Test func commentsStayWithTheirHosts() throws {
        let text = """
            # The machines of the group
            hosts:
              # ask Bob before use
              deneb:
                address: deneb
              vega:
                address: 'alice@vega'   # the old one

            """
        var list = try parse(text)
        list.put(try Host(named: "deneb", address: HostAddress("deneb:2222")))
        #expect(
            list.text == """
                # The machines of the group
                hosts:
                  # ask Bob before use
                  deneb:
                    address: deneb:2222
                  vega:
                    address: alice@vega

                """)
    }

    @Test(arguments: [
        ("hosts:\n  a:\n    adress: b\n", 3), ("hosts:\n  a:\n", 2), ("machines:\n", 1), ("hosts: [a, b]\n", 1),
        ("hosts:\n  a: b\n", 2), ("hosts:\n\ta:\n", 2), ("hosts:\n  a:\n    address: *x\n", 3),
        ("hosts:\n  a:\n    address: b\n  a:\n    address: c\n", 4), ("hosts:\n  local:\n    address: b\n", 2),
        ("hosts:\n  a:\n    address: -oProxyCommand=x\n", 3), ("hosts:\n  a:\n    address: \"b\n", 3),
        ("hosts:\n  a:\n    address: b\n    ssh: putty\n", 2), ("hosts:\n   a:\n", 2),
    ])
    func whatHasAnotherShapeIsRefusedWithItsLine(_ text: String, line: Int) {
        let failure = #expect(throws: HostFailure.self) { try parse(text) }
        #expect(failure?.place == "hosts.yml:\(line)", "\(failure?.description ?? "")")
        #expect(failure?.exitCode == .usage)
    }

    @Test(arguments: [
        "", "user@", "-x", "a b", "a@-b", "a:0", "a:99999", "[::1", "a\nb", "$(x)@h;", "`id`@h", "u ser@h",
    ])
    func whatIsNoAddressIsRefused(_ text: String) {
        #expect(throws: HostFailure.self) { try HostAddress(text) }
    }

    @Test func addressesHaveAUserAHostAndAPort() throws {
        let address = try HostAddress("alice@[::1]:2222")
        #expect(address.user == "alice" && address.host == "::1" && address.port == 2222)
        #expect(address.description == "alice@[::1]:2222")
        #expect(try HostAddress("::1").host == "::1")
        #expect(try HostAddress("vega:22").port == 22)
        #expect(try HostAddress("bob@corp@vega").user == "bob@corp")
    }

    @Test func aMistypedNameIsToldWithTheNearest() throws {
        let list = HostList([try Host(named: "vega", address: HostAddress("vega"))])
        let failure = #expect(throws: HostFailure.self) { try list.host(named: "vgea") }
        #expect(failure?.fix == "did you mean “vega”?")
    }
}
