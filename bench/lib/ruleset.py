"""550 rules in Suricata's language, in the part of it that both engines take: contents and expressions in HTTP's buffers, in
names of DNS and TLS, and in TCP's bytes. Words are made up, as long as those of published rules and as common in traffic, which
is: hardly ever. PLANTED rules are hit by what traffic.py says, so that both can be asked whether they look at all."""
import random

RULES = 550
SYLLABLES = ("ka", "lo", "mi", "ser", "ver", "pro", "da", "ta", "in", "ex", "qu", "or", "der", "ite", "men", "tor")
FOLDERS = ("wp-content/plugins", "cgi-bin", "admin", "api/v1", "includes", "modules", "upload", "js", "images", "components")
ENDINGS = ("php", "asp", "jsp", "cgi", "do", "html", "exe", "dll")
TOOLS = ("Scanner", "Bot", "Crawler", "Loader", "Updater", "Agent")

# The rule's part, and what is hit by it: (kind, words) for traffic.py.
PLANTED = [
    ("http", 'flow:established,to_server; http.uri; content:"/planted/shell.php"; nocase;', ("uri", "/a/planted/shell.php?x=1")),
    ("http", r'flow:established,to_server; http.uri; content:"plantedid="; pcre:"/plantedid=\d{4,}\x27/";', ("uri", "/list?plantedid=12345%27")),
    ("http", 'flow:established,to_server; http.user_agent; content:"PlantedScanner/"; fast_pattern;', ("agent", "PlantedScanner/1.2")),
    ("http", 'flow:established,to_server; http.method; content:"POST"; http.request_body; content:"cmd=planted"; content:"exec"; distance:0;',
     ("body", "cmd=planted&do=exec&n=1")),
    ("http", 'flow:established,to_client; file.data; content:"<script>planted("; nocase;', ("page", "<script>planted(1)</script>")),
    ("dns", 'dns.query; content:"planted-name.example"; nocase;', ("name", "www.planted-name.example")),
    ("tls", 'flow:established,to_server; tls.sni; content:"planted-host.example"; endswith;', ("sni", "www.planted-host.example")),
    ("tcp", 'flow:established,to_server; content:"|de ad|planted|be ef|"; fast_pattern;', ("bytes", b"\xde\xadplanted\xbe\xef")),
]


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def word(self, least=2, most=5):
        return "".join(self.rng.choice(SYLLABLES) for _ in range(self.rng.randint(least, most)))

    def nocase(self):
        return " nocase;" if self.rng.random() < 0.5 else ""

    def path(self):
        return f"/{self.rng.choice(FOLDERS)}/{self.word()}.{self.rng.choice(ENDINGS)}"

    def uri(self):
        out = "flow:established,to_server; "
        if self.rng.random() < 0.4:
            out += f'http.method; content:"{self.rng.choice(("GET", "POST"))}"; '
        out += f'http.uri; content:"{self.path()}"; fast_pattern;{self.nocase()}'
        key = self.word(1, 3)
        if self.rng.random() < 0.4:
            out += f' content:"{key}="; distance:0;'
        elif self.rng.random() < 0.4:
            out += rf' pcre:"/[?&]{key}=[^&]*(?:union|select|\.\.\/|[0-9]{{6,}})/i";'
        return "http", out

    def agent(self):
        return "http", f'flow:established,to_server; http.user_agent; content:"{self.word().title()}{self.rng.choice(TOOLS)}";{self.nocase()}'

    def host(self):
        return "http", f'flow:established,to_server; http.host; content:"{self.word()}.{self.word(1, 2)}"; endswith;'

    def header(self):
        return "http", f'flow:established,to_server; http.header; content:"X-{self.word().title()}|3a 20|{self.word(1, 2)}";{self.nocase()}'

    def cookie(self):
        return "http", f'flow:established,to_server; http.cookie; content:"{self.word()}="; pcre:"/{self.word(1, 2)}=[0-9a-f]{{16}}/";'

    def posted(self):
        a, b = self.word(), self.word(1, 3)
        more = (f' content:"{b}"; distance:0; within:100;' if self.rng.random() < 0.5 else
                rf' pcre:"/{a}=[^&]{{0,64}}(?:{b}|base64_decode|eval\s*\()/i";')
        return "http", f'flow:established,to_server; http.method; content:"POST"; http.request_body; content:"{a}=";{more}'

    def page(self):
        a, b = self.word(), self.word(1, 3)
        more = rf' pcre:"/{b}\s*\(\s*[\x22\x27]/i";' if self.rng.random() < 0.4 else ""
        return "http", f'flow:established,to_client; file.data; content:"{a}{b}(";{self.nocase()}{more}'

    def name(self):
        return "dns", f'dns.query; content:"{self.word()}{self.word(1, 2)}.{self.rng.choice(("example", "test", "info", "top", "xyz"))}"; nocase;'

    def server(self):
        return "tls", f'flow:established,to_server; tls.sni; content:"{self.word()}.{self.word(1, 2)}.{self.rng.choice(("com", "net", "top", "info"))}"; endswith;'

    def stream(self):
        side, rng = self.rng.choice(("to_server", "to_client")), self.rng
        blob = " ".join(f"{rng.randrange(256):02x}" for _ in range(rng.randint(4, 8)))
        if rng.random() < 0.5:
            return "tcp", f'flow:established,{side}; content:"|{blob}|{self.word(1, 2)}"; fast_pattern;'
        a = self.word(2, 4)
        return "tcp", rf'flow:established,{side}; content:"{a}|20|"; content:"{self.word(1, 2)}"; distance:0; within:64; pcre:"/{a}\s+[A-Za-z0-9_]{{4,}}/";'


KINDS = ((150, Maker.uri), (60, Maker.agent), (40, Maker.host), (40, Maker.header), (20, Maker.cookie), (60, Maker.posted), (60, Maker.page),
         (40, Maker.name), (30, Maker.server), (50, Maker.stream))


def rules(seed=550):
    """The file's text. Planted rules have the sids 1, 2, ..."""
    maker = Maker(seed)
    parts = [(p, text) for p, text, _ in PLANTED]
    kinds = [kind for n, kind in KINDS for _ in range(n)]
    maker.rng.shuffle(kinds)
    parts += [kind(maker) for kind in kinds[:RULES - len(parts)]]
    return "".join(f'alert {p} any any -> any any (msg:"rule {i}"; {text} sid:{i}; rev:1;)\n' for i, (p, text) in enumerate(parts, 1))


if __name__ == "__main__":
    print(rules(), end="")
