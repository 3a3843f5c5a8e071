/* What MITRE ATT&CK calls the techniques whose numbers events carry. */
const names = {
	T1018: "Remote System Discovery", T1046: "Network Service Discovery", T1048: "Exfiltration Over Alternative Protocol",
	T1059: "Command and Scripting Interpreter", "T1059.004": "Unix Shell", "T1059.007": "JavaScript",
	T1071: "Application Layer Protocol", "T1071.004": "DNS", T1083: "File and Directory Discovery",
	T1095: "Non-Application Layer Protocol", T1110: "Brute Force", T1190: "Exploit Public-Facing Application",
	T1205: "Traffic Signaling", "T1498.001": "Direct Network Flood", "T1499.002": "Service Exhaustion Flood",
	"T1499.004": "Application or System Exploitation", "T1505.003": "Web Shell", T1539: "Steal Web Session Cookie",
	T1552: "Unsecured Credentials", "T1552.004": "Private Keys", T1557: "Adversary-in-the-Middle",
	"T1557.002": "ARP Cache Poisoning", "T1566.002": "Spearphishing Link", "T1587.003": "Digital Certificates",
	"T1590.002": "DNS", T1592: "Gather Victim Host Information", T1595: "Active Scanning", T1600: "Weaken Encryption",
};

export function technique(id) {
	return names[id] ? `${id} ${names[id]}` : id;
}

/* Nothing is loaded from there: who follows the link leaves the gateway's page. */
export function techniqueLink(id) {
	return /^T\d{4}(\.\d{3})?$/.test(id) ? `https://attack.mitre.org/techniques/${id.replace(".", "/")}/` : null;
}
