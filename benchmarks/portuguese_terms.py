"""A few Portuguese words of each emotion, written for the training of the n-gram model: we have no Portuguese lexicon.

Our own work, Apache-2.0. Not for matching: it is far too short for that.
"""

TERMS: dict[str, str] = {
    "anger": """raiva; ódio; odeio; odiar; puto; puta da vida; irritado; irritada; irrita; irritante; furioso;
        furiosa; revoltado; revoltada; revoltante; indignado; indignação; idiota; imbecil; babaca; otário;
        canalha; vagabundo; cala a boca; vai se foder; filho da puta; que ódio; que raiva; me irrita; não
        suporto; não aguento mais; desgraçado; lixo; vergonha; absurdo; palhaçada; injustiça; cretino;
        estúpido; corrupto; bandido; ladrão; safado""",
    "disgust": """nojo; nojento; nojenta; nojeira; que nojo; asco; asqueroso; repugnante; repulsa; repulsivo; ânsia de
        vômito; vomitar; vômito; podre; podridão; fedor; fedido; fedendo; imundo; imundície; sujo; sujeira;
        escroto; escrota; horrível; ridículo; desprezível; desprezo; náusea; enjoo; credo; eca; argh; vou
        vomitar; me dá nojo; tenho nojo; porco; porca; barata; nauseante""",
    "fear": """medo; morro de medo; com medo; tenho medo; que medo; pavor; apavorado; apavorada; pânico; terror;
        aterrorizado; aterrorizante; assustado; assustada; assustador; assustadora; susto; temor; temo;
        receio; ameaça; ameaçado; perigo; perigoso; pesadelo; tremendo de medo; ansioso; ansiosa; ansiedade;
        nervoso; nervosa; preocupado; preocupada; desespero; desesperado; desesperada; tensa; tenso; aflito;
        aflita; fobia; assombrado; frio na barriga; calafrio; angústia""",
    "joy": """feliz; felicidade; alegria; alegre; contente; animado; animada; amo; amei; amando; adoro; adorei;
        que delícia; maravilhoso; maravilhosa; maravilha; lindo; linda; perfeito; perfeita; incrível;
        sorriso; sorrindo; rindo; risada; gargalhada; kkkk; haha; rs; orgulho; orgulhoso; vitória; vencemos;
        ganhamos; parabéns; festa; comemorar; gratidão; obrigado; obrigada; sensacional; ótimo; melhor dia;
        saudades boas; divertido; diversão; apaixonado; apaixonada; abençoado; amém; viva""",
    "sadness": """triste; tristeza; tristonho; chorar; chorando; chorei; choro; lágrimas; saudade; saudades; sozinho;
        sozinha; solidão; solitário; luto; perda; morreu; faleceu; descanse em paz; meus sentimentos;
        pêsames; coração partido; decepção; decepcionado; decepcionada; desanimado; desanimada; depressão;
        deprimido; deprimida; dor; sofrendo; sofrimento; arrependido; arrependida; arrependimento;
        infelizmente; lamento; lamentável; magoado; magoada; mágoa; queria morrer; cansado de tudo; vazio;
        abandonado; desolado; que pena""",
    "surprise": """surpresa; surpreso; surpreendente; surpreendido; uau; nossa; caramba; caraca; eita; meu deus; não
        acredito; inacreditável; inesperado; de repente; do nada; chocado; chocada; em choque; espantado;
        espanto; pasmo; pasma; boquiaberto; como assim; quem diria; jamais imaginei; nunca imaginei; não
        esperava; impressionante; impressionado; impressionada; oxe; ué; sério?; sério isso; mentira!; o
        quê?!; wow; vixe; puts; gente do céu""",
}


def terms() -> list[tuple[str, str]]:
    """(term, emotion) pairs."""
    return [(" ".join(term.split()), name) for name, text in TERMS.items() for term in text.split(";")]
