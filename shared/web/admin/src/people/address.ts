/** Addresses of the Internet as people type them. Pure. */

function isV4(typed: string): boolean {
  const numbers = typed.split(".");
  return numbers.length === 4 && numbers.every((one) => /^(0|[1-9]\d{0,2})$/u.test(one) && Number(one) < 256);
}

function isV6(typed: string): boolean {
  if (!/^[\da-f:.]+$/iu.test(typed) || !typed.includes(":")) return false;
  // What browsers take for a host in brackets is one.
  return URL.canParse(`http://[${typed}]/`);
}

/** Whether a text is an IPv4 or IPv6 address, without brackets, port, zone or prefix length. */
export function isAddress(typed: string): boolean {
  return isV4(typed) || isV6(typed);
}
