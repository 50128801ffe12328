"""Spanish sentence parts, one block per mood: what a made-up person says first, and what may follow.

Not for scoring: no lexicon or classifier is built from these lines.
"""

from __future__ import annotations

from warehouse.synthetic.phrases import Phrases, phrases

SPANISH: Phrases = phrases(
    openers="""
    La verdad,
    Bueno,
    Oigan,
    No les miento,
    Pues nada,
    Ya ven,
    Les cuento:
    Otra vez:
    Miren,
    En fin,
    Resulta que
    Sinceramente,
    """,
    slots={
        "topic": """
        el trabajo
        la renta
        los exámenes
        mi salud
        las noticias
        la escuela
        el nuevo empleo
        las cuentas
        la mudanza
        los resultados
        la entrega
        la visita familiar
        """,
        "person": """
        mi hermana
        mi hermano
        mi mejor amiga
        mi jefe
        mi vecina
        mi mamá
        mi compañero
        mi prima
        mi pareja
        mi maestra
        """,
        "time": """
        hoy
        esta noche
        esta mañana
        ahora mismo
        esta semana
        otra vez
        esta tarde
        estos días
        """,
    },
    fillers="""
    Por cierto, la tienda de la esquina ahora abre una hora antes entre semana y cierra a las nueve.
    El camión tomó la ruta de siempre y llegó unos minutos después de la hora del letrero.
    Escribí la lista de la semana en una hoja de papel y la dejé sobre la mesa de la cocina.
    Después revisé el correo, contesté dos cartas y regué las plantas del patio.
    La reunión se cambió al jueves y el salón sigue siendo el del segundo piso.
    Para la comida hubo arroz con verduras y lo demás está en el refrigerador para mañana.
    """,
    moods={
        "neutral": (
            """
            estoy esperando el camión {time}
            la biblioteca abre a las nueve entre semana
            estoy leyendo el segundo capítulo {time}
            {person} pasa a las seis con las cajas
            la reunión sobre {topic} empieza a las diez
            moví la mesa junto a la ventana {time}
            la receta lleva dos huevos y un poco de harina
            busco un escritorio de segunda mano
            el nuevo horario está en el tablero
            vi el segundo tiempo del partido {time}
            {person} preguntó qué teléfono tiene el cable más largo
            compré pan, arroz y café {time}
            el formulario sobre {topic} tiene tres páginas
            alguien sabe a qué hora abre la farmacia {time}
            cambié la configuración e instalé la actualización {time}
            el tren sale del andén cuatro
            {person} y yo comparamos dos bicicletas
            estoy cocinando lentejas {time}
            está nublado y hace unos quince grados
            la segunda temporada tiene ocho episodios
            tendí la ropa y barrí el piso {time}
            hay una charla sobre {topic} el jueves
            """,
            """
            y lo demás queda para mañana
            la dirección está en la página
            son unos veinte minutos
            el otro está en la repisa
            igual que la semana pasada
            la lista está sobre la mesa
            {person} tiene la llave
            luego les cuento más
            """,
        ),
        "joy": (
            """
            estoy muy feliz por {topic} {time}
            qué día tan maravilloso, no dejo de sonreír
            me siento genial {time}, todo salió bien
            aprobé, estoy feliz y con mucho orgullo
            qué emoción pasar el fin de semana con {person}
            la mejor noticia {time}, estoy encantada
            nos reímos muchísimo {time}, pura alegría
            me siento alegre y con mucha energía {time}
            esto me hace muy feliz
            increíble concierto, qué noche fantástica
            estoy emocionado por {topic}
            la vida es bella {time}, estoy sonriendo
            ganamos y estoy celebrando con {person}
            qué linda sorpresa me dio {person}, qué alegría
            me divertí muchísimo {time}
            por fin buenos resultados, estoy contento
            qué mañana tan hermosa, me siento feliz
            disfruté cada minuto {time}
            súper feliz con {topic}
            funcionó, qué alegría, es genial
            bailando en la cocina {time}, muy feliz
            puras risas con {person}, estoy contenta
            """,
            """
            qué gran sensación
            podría cantar todo el día
            fue muy divertido
            con una sonrisa enorme
            me alegró toda la semana
            {person} también está feliz
            vamos a celebrar
            qué felicidad
            """,
        ),
        "affection": (
            """
            amo muchísimo estar con {person}
            {person} es un amor, la ternura en persona
            mucha gratitud por {person} {time}
            mando cariño y abrazos para mis amigos
            de verdad quiero mucho estar cerca, {person} es mi vida
            gracias {person} por tu bondad, con mucho amor
            un abrazo tierno con {person} {time}, me siento querida
            mi corazón está lleno de amor por {person}
            agradezco a la gente que me quiere
            abrazando fuerte {time}, qué momento tan tierno con {person}
            {person} me trajo sopa, qué gesto tan cariñoso
            adoro cada tarde con {person}
            te quiero, {person}, siempre
            cuánto cariño siento por {person} {time}
            mis queridos amigos, los quiero mucho
            {person} me tomó la mano, cuánta ternura
            {person} tiene todo mi amor
            con el gato en brazos {time}, cuánto amor
            qué cariño le tengo, {person} es un alma buena
            qué mensaje tan amoroso me mandó {person} {time}
            """,
            """
            los quiero
            abrazos grandes
            mi corazón está contento
            muchas gracias por eso
            les mando amor
            besos para {person}
            lo atesoro
            """,
        ),
        "sadness": (
            """
            estoy muy triste {time}
            he llorado mucho {time} por {topic}
            extraño mucho las tardes con {person}, me duele
            tengo el corazón roto {time}
            {person} se fue y estoy llorando
            qué noticia tan triste {time}, estoy de luto
            me duele el alma
            me siento fatal y triste por {topic}
            no puedo dejar de llorar {time}
            me da mucha tristeza hablar con {person}
            perdimos a nuestro perrito {time}, estoy devastada
            me siento decaída y con lágrimas {time}
            qué triste despedida con {person}
            estoy sufriendo y todo me duele {time}
            qué decepción y qué tristeza con {topic}
            siento una pena enorme cuando llama {person}
            llorando en el camión {time}
            es un día gris y triste, qué infelicidad
            me dolió lo que dijo {person}, otra vez lágrimas
            profundamente triste {time}
            las fotos viejas me hicieron llorar {time}
            qué melancolía {time}, extraño lo de antes
            """,
            """
            puras lágrimas
            todavía duele
            solo quiero llorar
            extraño esos días
            me duele el corazón
            {person} también llora
            qué época tan triste
            es una pérdida dolorosa
            """,
        ),
        "fear": (
            """
            tengo mucho miedo {time}
            me da miedo lo que viene con {topic}
            algo me asustó {time}
            me aterra pelear con {person} y perder todo
            ese ruido me dio un susto horrible {time}
            temo lo peor con {topic}
            estoy temblando de miedo {time}
            me siento en peligro y con miedo {time}
            esto es aterrador, temo por {person}
            qué noche de terror, no pude dormir
            estoy asustada por {person} {time}
            la alarma nos aterrorizó {time}
            tengo miedo de abrir la carta sobre {topic}
            me asusta salir sola {time}
            hay mucho peligro afuera, tengo miedo
            tuve una pesadilla con {topic}, sigo con terror
            noticias de horror {time}, estoy asustado
            me aterra la llamada sobre {topic}
            me tiemblan las manos, qué miedo {time}
            me da pánico que pase otra vez
            """,
            """
            de verdad tengo miedo
            da mucho miedo
            el corazón me late de miedo
            {person} también se asustó
            ojalá no haya peligro
            sigo temblando
            qué amenaza
            """,
        ),
        "anger": (
            """
            estoy furiosa por {topic}
            estoy muy enojado con {person} {time}
            esto me da mucha rabia
            odio cómo manejan {topic}
            qué indignante, estoy furioso
            ya estoy harta, puras mentiras {time}
            {person} rompió su promesa y qué coraje
            estoy harto, esto me enfurece
            nos ignoraron {time} y estoy indignada
            cómo se atreven, estoy enojada
            me molesta mucho {topic} {time}
            qué asco, me hierve la sangre
            dejen de mentir sobre {topic}, me enfurece
            quiero gritar de rabia {time}
            es injusto y estoy muy enojado
            no soporto pelear con {person} {time}, qué coraje
            me cobraron dos veces {time}, estoy furiosa
            cuánta ira siento por {topic}
            estoy encabronado {time}
            qué idiota, {person} me hizo enojar
            estoy irritada y enojada por {topic}
            qué vergüenza de gente, los odio
            """,
            """
            me da mucha rabia
            estoy muy enojada
            qué coraje
            deberían tener vergüenza
            lo odio
            {person} también está furiosa
            ya basta
            es indignante
            """,
        ),
        "loneliness": (
            """
            me siento muy sola {time}
            nadie me llama, estoy solo {time}
            comiendo sola {time}, sin nadie con quien hablar
            me siento excluido y aislado {time}
            aquí no tengo amigos, qué soledad
            otra vez sola, {person} no vino
            la soledad pega fuerte {time}
            todos tienen a alguien y yo estoy solo
            me siento invisible y sola {time}
            quisiera tener alguien con quien hablar {time}
            la casa está en silencio y me siento muy solo
            nadie se daría cuenta, me siento abandonada
            no tengo con quién hablar sobre {topic}, qué soledad
            otra tarde a solas, me siento aislada
            entre tanta gente y me siento tan solo {time}
            me siento olvidada y excluida {time}
            {person} se mudó y me siento sola
            me siento solo y el teléfono nunca suena
            siempre sola {time}, sin compañía
            me siento ajeno a todos, muy aislado
            """,
            """
            estoy muy sola
            no hay nadie
            nadie pregunta cómo estoy
            extraño la compañía
            solo yo y las paredes
            cuánta soledad
            """,
        ),
        "anxiety": (
            """
            estoy muy preocupada por {topic}
            mi ansiedad está por las nubes {time}
            siento ansiedad por {topic} {time}
            cuánto estrés {time}, demasiada presión
            no me puedo relajar, me preocupa {topic}
            estoy nervioso e inquieto {time}
            ataque de pánico {time} por {topic}
            le doy mil vueltas, qué ansiedad con {topic}
            estoy abrumada por {topic} {time}
            no puedo dormir, me preocupa {person}
            mucho estrés con {topic}
            me siento tensa e intranquila {time}
            me duele el estómago por el estrés {time}
            estoy entrando en pánico por {topic}
            muy preocupado por {person} {time}
            la incertidumbre con {topic} me da ansiedad
            estoy con los nervios de punta {time}
            pensamientos ansiosos toda la noche por {topic}
            demasiadas preocupaciones {time}, estoy estresada
            el corazón acelerado, estoy nerviosa por {topic}
            siento la presión por {topic}, estoy estresado
            me angustia todo {time}
            """,
            """
            estoy muy nerviosa
            no dejo de preocuparme
            cuánta presión
            el estrés es demasiado
            {person} también se preocupa
            necesito respirar
            otra vez la ansiedad
            y si sale mal, qué angustia
            """,
        ),
        "depression": (
            """
            estoy agotada y vacía {time}
            no tengo energía para nada {time}
            cansado de todo, nada importa
            no tengo esperanza con {topic}
            no puedo salir de la cama {time}, qué cansancio
            me siento inútil y apagada {time}
            nada tiene sentido {time}
            estoy agotado y me siento vacío
            perdí el interés por todo, hasta por {topic}
            deprimida otra vez {time}, sin ganas
            sin fuerzas {time}, estoy rendida
            me siento un fracaso {time}
            duermo todo el día y sigo agotada
            cansancio extremo y me siento inútil {time}
            ya nada me da alegría
            la depresión pesa mucho {time}
            sin energía por {topic}, sin esperanza
            me odio {time}, soy una carga y {person} lo sabe
            qué desesperanza y qué cansancio {time}
            los días son grises y sin sentido, estoy agotado
            """,
            """
            ya no tengo energía
            siento un vacío
            nada ayuda
            qué cansancio
            no le veo sentido
            solo quiero quedarme en la cama
            todo pesa
            """,
        ),
    },
)
