"""Sentences in languages that the real text does not hold; written for these tests."""

from __future__ import annotations

SLOVAK = (
    "Muž v modrej košeli stojí na rebríku a umýva okno.",
    "Dve deti sa hrajú na pláži pri mori.",
    "Žena s červeným dáždnikom prechádza cez ulicu.",
    "Skupina ľudí sedí pri stole a večeria v reštaurácii.",
    "Malý chlapec skáče do bazéna plného vody.",
    "Starší pán číta noviny na lavičke v parku.",
    "Dievča v žltých šatách tancuje na javisku.",
    "Mladá žena hrá na gitare pred publikom.",
    "Vlak prichádza na stanicu neskoro večer.",
    "Včera sme boli v kine a videli sme zaujímavý film.",
    "Neviem, kde som nechal svoje kľúče.",
    "Moja sestra býva v Bratislave už päť rokov.",
    "Zajtra bude pršať v celej krajine.",
    "Futbalista kope do lopty na ihrisku.",
    "Ľudia čakajú v rade na autobus.",
    "Robotník v prilbe pracuje na stavenisku.",
)
ITALIAN = (
    "Un uomo con la camicia blu sta su una scala e lava la finestra.",
    "Due bambini giocano sulla spiaggia vicino al mare.",
    "La città si trova nel nord del paese, a cento chilometri dalla capitale.",
    "Questo libro racconta la storia di una famiglia durante la guerra.",
    "Nel diciannovesimo secolo la filosofia tedesca ebbe una grande influenza.",
    "Ieri sera siamo andati al cinema con i nostri amici.",
    "Secondo gli scienziati, il clima sta cambiando rapidamente.",
)
POLISH = (
    "Mężczyzna w niebieskiej koszuli stoi na drabinie i myje okno.",
    "Dwoje dzieci bawi się na plaży nad morzem.",
    "Miasto leży na północy kraju, około stu kilometrów od stolicy.",
    "Ta książka opowiada historię rodziny podczas wojny.",
    "Matematycy badają własności liczb i figur.",
    "Księżyc okrąża ziemię w ciągu około dwudziestu siedmiu dni.",
)
HINDI = (
    "नीली कमीज़ पहने एक आदमी सीढ़ी पर खड़ा होकर खिड़की साफ कर रहा है।",
    "दो बच्चे समुद्र के किनारे खेल रहे हैं।",
    "यह किताब युद्ध के समय एक परिवार की कहानी बताती है।",
    "पौधों को बढ़ने के लिए पानी और रोशनी की जरूरत होती है।",
    "वैज्ञानिकों के अनुसार जलवायु तेजी से बदल रही है।",
)
ENGLISH = (
    "A man in a blue shirt is standing on a ladder and cleaning the window.",
    "Two children are playing on the beach near the sea.",
    "The city lies in the north of the country, a hundred miles from the capital.",
    "I would like to know when the next train leaves.",
    "Plants need water and light to grow.",
    "Yesterday evening we went to the cinema with our friends.",
)
JAPANESE = (
    "男性がはしごの上に立って窓を拭いている。",
    "二人の子供が海辺で遊んでいます。",
    "電車は何時に出ますか。",
)
THAI = ("เด็กสองคนกำลังเล่นอยู่บนชายหาด", "ฉันอยากรู้ว่ารถไฟจะออกกี่โมง")
GEORGIAN = ("ორი ბავშვი ზღვის პირას თამაშობს.", "ქალაქი ქვეყნის ჩრდილოეთით მდებარეობს.")
NOTHING = ("", "   ", "12 345", "…!?", "--- 50 % ---", "🙂🙂")
