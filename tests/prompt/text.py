"""Sentences of our own in seven languages, from which the tests' tokenizers are learned."""

from __future__ import annotations

from dragoman.prompt.templates import load_template

LINES = """\
Two children are playing in the garden behind the house.
The old woman gives an apple to the small boy.
A dog runs along the river and barks at a bird.
Tomorrow we will travel to the mountains by train.
She reads a long letter from her brother in the city.
Men and women work in the field until the evening.
Zwei Kinder spielen im Garten hinter dem Haus.
Die alte Frau gibt dem kleinen Jungen einen Apfel.
Ein Hund läuft am Fluss entlang und bellt einen Vogel an.
Morgen fahren wir mit dem Zug in die Berge.
Sie liest einen langen Brief von ihrem Bruder aus der Stadt.
Deux enfants jouent dans le jardin derrière la maison.
La vieille femme donne une pomme au petit garçon.
Un chien court le long de la rivière et aboie après un oiseau.
Demain nous irons à la montagne en train.
Due bambini giocano nel giardino dietro la casa.
La vecchia signora dà una mela al bambino piccolo.
Un cane corre lungo il fiume e abbaia a un uccello.
Twee kinderen spelen in de tuin achter het huis.
De oude vrouw geeft de kleine jongen een appel.
Doi copii se joacă în grădina din spatele casei.
Bătrâna îi dă un măr băiatului mic.
Dvě děti si hrají na zahradě za domem.
Stará žena dává malému chlapci jablko.
Pes běží podél řeky a štěká na ptáka.
""".splitlines()

WORDS = [
    load_template("alpaca").frames["en"].with_input,
    "Translate the following sentences from English to German.",
]
