"""Domains at which anybody can have an address, so that they name no company.

Those of mail providers are listed here: providers with many national domains by name and
ending, the others whole, first those of the world, then by country. Only well-known ones
are here. A missing one costs a wrong suggestion (two strangers proposed as colleagues), a
wrong one costs a right suggestion; both are seen by a person before anything is merged.
Checked in 2026 against what is published: the packages of free-mail domains lack the large
French providers or have rested for years.

Disposable addresses come and go by the day, so their ten thousand domains are those of the
package ``disposable-email-domains``, which is released every few days; it is loaded by the
first domain that is not listed here. Below are the few that it lacks.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final

__all__ = ["FREE_MAIL_DOMAINS", "is_shared"]


def is_shared(domain: str) -> bool:
    """Tell whether anybody can have an address at a domain, which is given in ASCII and lower case."""
    return domain in FREE_MAIL_DOMAINS or domain in _disposable()


_BY_NAME: Final = {
    "aol": "com co.uk de es fr it",
    "gmx": "at biz ch co.uk com de es eu fr info it li net org us",
    "hotmail": "be ca ch cl co.uk com com.ar com.au com.br com.mx com.tr de dk es fi fr gr it jp nl no pt se",
    "live": "be ca ch cl cn co.uk com com.ar com.au com.mx com.pt de dk fi fr ie in it jp nl no ru se",
    "msn": "com fr nl",
    "outlook": "at be cl co.id co.th com com.ar com.au com.br com.gr com.tr cz de dk es fr hu ie in it jp pt sa sg",
    "yahoo": "at be ca ch cn co.id co.il co.in co.jp co.kr co.nz co.th co.uk co.za com com.ar com.au com.br com.cn"
    " com.co com.hk com.mx com.my com.ph com.sg com.tr com.tw com.vn cz de dk es fi fr gr hu ie in it nl no pl pt ro ru"
    " se",
    "yandex": "by com com.tr kz ru ua",
}

_WHOLE: Final = """
gmail.com googlemail.com icloud.com me.com mac.com ymail.com rocketmail.com myyahoo.com windowslive.com passport.com
proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com tutamail.com keemail.me
fastmail.com fastmail.fm hey.com hushmail.com mail.com email.com usa.com europe.com zoho.com zohomail.com zohomail.eu
mailfence.com startmail.com posteo.de posteo.net posteo.eu mailbox.org disroot.org riseup.net runbox.com duck.com
mozmail.com simplelogin.com aleeas.com lycos.com excite.com rediffmail.com inbox.com gmx.co.in caramail.com caramail.fr

orange.fr wanadoo.fr laposte.net free.fr sfr.fr neuf.fr cegetel.net club-internet.fr 9online.fr 9business.fr bbox.fr
numericable.fr numericable.com noos.fr aliceadsl.fr alice.fr libertysurf.fr voila.fr infonie.fr nordnet.fr
chello.fr evhr.net dbmail.com mailo.com mailo.fr netcourrier.com net-c.fr mageos.com ifrance.com freesbee.fr tele2.fr
wanadoo.com dartybox.com cario.fr estvideo.fr vialis.net
mediaserv.net only.fr izi.re lagoon.nc mls.nc canl.nc mail.pf

web.de t-online.de freenet.de arcor.de online.de vodafone.de vodafonemail.de kabelmail.de unitybox.de unity-mail.de
alice-dsl.net alice-dsl.de alice.de o2mail.de o2online.de versanet.de netcologne.de ewetel.net ewe.net osnanet.de
htp-tel.de mnet-mail.de mnet-online.de email.de mail.de eclipso.de eclipso.eu magenta.de superkabel.de
aon.at chello.at a1.net inode.at utanet.at tele2.at liwest.at drei.at kabsi.at
bluewin.ch hispeed.ch sunrise.ch swissonline.ch bluemail.ch vtxnet.ch romandie.com netplus.ch citycable.ch

libero.it virgilio.it alice.it tin.it tim.it tiscali.it inwind.it iol.it blu.it giallo.it fastwebnet.it teletu.it
email.it vodafone.it poste.it interfree.it supereva.it katamail.com aruba.it
terra.es telefonica.net movistar.es ono.com ya.com jazztel.es orange.es wanadoo.es euskalnet.net eresmas.com correo.es
telefonica.es vodafone.es sapo.pt iol.pt clix.pt mail.pt netcabo.pt meo.pt nos.pt oninet.pt aeiou.pt

skynet.be telenet.be scarlet.be proximus.be voo.be base.be belgacom.net brutele.be tvcablenet.be pandora.be
ziggo.nl kpnmail.nl kpnplanet.nl planet.nl home.nl hetnet.nl xs4all.nl upcmail.nl chello.nl casema.nl quicknet.nl
zonnet.nl tele2.nl online.nl wanadoo.nl solcon.nl caiway.nl telfort.nl pt.lu internet.lu vo.lu

btinternet.com btopenworld.com talktalk.net talk21.com sky.com virginmedia.com virgin.net ntlworld.com
blueyonder.co.uk tiscali.co.uk plusnet.com plus.com orange.net freeserve.co.uk o2.co.uk uwclub.net tesco.net
eircom.net iol.ie indigo.ie
comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com netzero.net
optonline.net roadrunner.com rr.com frontier.com frontiernet.net centurylink.net windstream.net ameritech.net
pacbell.net swbell.net prodigy.net mindspring.com netscape.net aim.com compuserve.com suddenlink.net
videotron.ca videotron.qc.ca sympatico.ca bell.net rogers.com shaw.ca telus.net cogeco.ca eastlink.ca
bigpond.com bigpond.net.au optusnet.com.au iinet.net.au tpg.com.au internode.on.net westnet.com.au xtra.co.nz
slingshot.co.nz

wp.pl o2.pl onet.pl onet.eu op.pl interia.pl interia.eu poczta.fm poczta.onet.pl gazeta.pl tlen.pl vp.pl autograf.pl
seznam.cz email.cz centrum.cz post.cz volny.cz atlas.cz azet.sk centrum.sk zoznam.sk post.sk freemail.hu citromail.hu
t-online.hu indamail.hu abv.bg mail.bg dir.bg otenet.gr forthnet.gr in.gr hol.gr telia.com comhem.se spray.se
bredband.net tele2.se online.no broadpark.no getmail.no mail.dk tdcadsl.dk ofir.dk jubii.dk stofanet.dk youmail.dk
kolumbus.fi elisanet.fi luukku.com suomi24.fi pp.inet.fi mail.ee hot.ee inbox.lv inbox.lt one.lt siol.net t-2.net
net.hr mail.ru bk.ru list.ru inbox.ru internet.ru rambler.ru ya.ru ukr.net i.ua meta.ua bigmir.net walla.com walla.co.il
bezeqint.net 012.net.il netvision.net.il mynet.com ttmail.com menara.ma topnet.tn planet.tn gnet.tn

qq.com vip.qq.com foxmail.com 163.com vip.163.com 126.com yeah.net sina.com sina.cn sohu.com 139.com 189.cn tom.com
21cn.com aliyun.com naver.com hanmail.net daum.net nate.com kakao.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp
nifty.com ocn.ne.jp biglobe.ne.jp so-net.ne.jp hinet.net pchome.com.tw singnet.com.sg indiatimes.com sify.com
uol.com.br bol.com.br terra.com.br ig.com.br globo.com globomail.com oi.com.br r7.com zipmail.com.br
prodigy.net.mx fibertel.com.ar ciudad.com.ar arnet.com.ar speedy.com.ar vtr.net une.net.co

tempmail.com tempmail.net tempmail.dev temp-mail.io spamgourmet.com burnermail.io minutemailbox.com 33mail.com
luxusmail.org
"""

FREE_MAIL_DOMAINS: Final = frozenset(_WHOLE.split()) | {
    f"{name}.{ending}" for name, endings in _BY_NAME.items() for ending in endings.split()
}
"""Of mail providers: ASCII, lower case, some 600 of them."""


@lru_cache(1)
def _disposable() -> AbstractSet[str]:
    from disposable_email_domains import blocklist  # 200 kB of text, that most programs never ask for

    return blocklist
