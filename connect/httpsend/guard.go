package httpsend

import (
	"errors"
	"net/netip"
	"syscall"
)

// errForbidden is that a name led where nobody meant it to lead.
var errForbidden = errors.New("the name of the other system leads to an address that is not open to connectors")

// guard looks at the address that is dialled, after the name was resolved, so that
// a name cannot change between the check and the call.
type guard struct {
	allow []netip.Prefix
	meant map[netip.Addr]bool // addresses that the operator wrote as such
	local bool                // localhost is meant
}

// mean notes a host that the operator wrote: an address, or localhost.
func (g *guard) mean(host string) {
	if host == "localhost" {
		g.local = true
	}
	if a, err := netip.ParseAddr(host); err == nil {
		g.meant[plain(a)] = true
	}
}

func (g guard) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !g.open(to.Addr()) {
		return errForbidden
	}
	return nil
}

func (g guard) open(a netip.Addr) bool {
	a = plain(a)
	for _, p := range never {
		if p.Contains(a) {
			return false
		}
	}
	if g.meant[a] || g.local && a.IsLoopback() {
		return true
	}
	for _, p := range g.allow {
		if p.Contains(a) {
			return true
		}
	}
	for _, p := range closed {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsGlobalUnicast()
}

// plain is the IPv4 address that an IPv6 address stands for, where it does:
// mapped (RFC 4291 2.5.5.2), by NAT64 (RFC 6052) or by 6to4 (RFC 3056).
func plain(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")

	// never are dialled by nobody: this network, link-local (which is where clouds
	// keep their metadata), the metadata addresses that lie elsewhere, multicast.
	never = prefixes("0.0.0.0/8", "169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "224.0.0.0/4", "255.255.255.255/32",
		"::/128", "fe80::/10", "ff00::/8", "fd00:ec2::254/128")

	// closed are dialled only where the operator wrote or listed them (RFC 6890), and
	// what may stand for such an address: IPv4-compatible (RFC 4291 2.5.5.1), NAT64 of
	// this network (RFC 8215) and Teredo (RFC 4380).
	closed = prefixes("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4",
		"::1/128", "fc00::/7", "fec0::/10", "::/96", "64:ff9b:1::/48", "2001::/32")
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}
