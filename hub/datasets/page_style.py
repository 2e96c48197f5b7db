"""The page's style, and the policy under which a browser takes this style and nothing else."""

from base64 import b64encode
from hashlib import sha256
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--text:#1b1f24;--quiet:#57606a;
--line:#d5dae0;--soft:#e9edf2;--accent:#1558d6;--bar:#4c82e0;--bad:#a3261c;--wait:#855400;
--good:#12703a}
@media (prefers-color-scheme:dark){:root{--back:#11151a;--card:#191f26;--text:#e7ebf0;
--quiet:#a2acb8;
--line:#333d48;--soft:#262f39;--accent:#86b3ff;--bar:#6b9cf2;--bad:#ff9d93;--wait:#f0bd62;
--good:#6fdd97}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1.5rem clamp(1rem,4vw,2.5rem) 3rem;
background:var(--back);
color:var(--text);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{margin:0 0 1rem;font-size:1.6rem;line-height:1.25}
h2{margin:2rem 0 .75rem;font-size:1.2rem}
h3{margin:0;font-size:1.05rem}
p{margin:.25rem 0}
a{color:var(--accent)}
.quiet,small,caption,dt{color:var(--quiet)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;margin:0}
.tiles div,article,.box{padding:1rem;border:1px solid var(--line);border-radius:.75rem;
background:var(--card)}
.tiles dt{font-size:.9rem}
.tiles dd{margin:0;font-size:1.6rem;font-weight:600;line-height:1.3;
font-variant-numeric:tabular-nums}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));
gap:1rem}
article{display:flex;flex-direction:column;gap:.6rem;min-width:0;break-inside:avoid}
article header{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;
gap:.25rem .75rem}
.type{padding:.05rem .6rem;border-radius:1rem;background:var(--soft);font-size:.85rem;
white-space:nowrap}
.type.mixed,.type.empty{color:var(--wait)}
.type.key{color:var(--good)}
svg{display:block;width:100%;height:auto}
svg .bar{fill:var(--bar)}
svg .track{fill:var(--soft)}
svg .axis{stroke:var(--line)}
.ends{display:flex;justify-content:space-between;gap:1rem;font-size:.8rem;color:var(--quiet)}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{padding:0 0 .25rem;text-align:left;font-size:.85rem}
th,td{padding:.25rem .5rem .25rem 0;border-top:1px solid var(--line);text-align:left;
vertical-align:top;font-weight:400}
thead th{border-top:0;color:var(--quiet);font-size:.85rem}
td.n,th.n{padding-left:.5rem;text-align:right;white-space:nowrap}
td.share{width:30%;min-width:3rem;vertical-align:middle}
.all th[scope=row]{min-width:8rem}
.all td,.all th{white-space:nowrap}.all th[scope=row]{white-space:normal}
.all td.share{min-width:6rem}
tr>:last-child{padding-right:0}
.notes{margin:0;padding:0;list-style:none}
.notes li{padding:.35rem 0;border-top:1px solid var(--line)}
.notes li:first-child{border-top:0}
.odd{color:var(--bad);font-size:.9rem}
.code{color:var(--quiet);font-family:ui-monospace,monospace;font-size:.9em}
@media (max-width:40rem){.all tr>:nth-child(3),.all tr>:nth-child(6){display:none}
.all th[scope=row]{min-width:6rem}}
@media print{:root{--back:#fff;--card:#fff;--text:#000;--quiet:#444;--line:#bbb;--soft:#e6e6e6;
--accent:#000;
--bar:#555;--bad:#000;--wait:#000;--good:#000}body{max-width:none;padding:0;font-size:10pt}
*{print-color-adjust:exact}.scroll{overflow:visible}}
"""

CONTENT_SECURITY_POLICY: Final = (
    "sandbox; default-src 'none'; "
    f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
)
"""What the page can be served with: no script, no request, this style."""
