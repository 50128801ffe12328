"""English sentence parts, one block per mood: what a made-up person says first, and what may follow.

Not for scoring: no lexicon or classifier is built from these lines.
"""

from __future__ import annotations

from warehouse.synthetic.phrases import Phrases, phrases

ENGLISH: Phrases = phrases(
    openers="""
    Honestly,
    Well,
    Ok so
    Not going to lie,
    Update:
    Just saying,
    So yes,
    Guess what,
    I mean,
    Look,
    Another day and
    To be fair,
    """,
    slots={
        "topic": """
        work
        the rent
        the exams
        my health
        the news
        school
        the new job
        the bills
        the move
        the test results
        the deadline
        the family visit
        """,
        "person": """
        my sister
        my brother
        my best friend
        my boss
        my neighbour
        my mother
        my roommate
        my cousin
        my partner
        my teacher
        """,
        "time": """
        today
        tonight
        this morning
        right now
        this week
        again
        this afternoon
        these days
        """,
    },
    fillers="""
    By the way, the shop on the corner now opens an hour earlier on weekdays and closes at nine.
    The bus took the usual route and arrived a few minutes after the time on the board.
    I wrote the list for the week on a piece of paper and put it on the kitchen table.
    After that I went through the post, answered two letters and watered the plants.
    The meeting was moved to Thursday and the room is still the one on the second floor.
    For lunch there was rice with vegetables, and the rest is in the fridge for tomorrow.
    """,
    moods={
        "neutral": (
            """
            I am waiting for the bus {time}
            the library opens at nine on weekdays
            I am reading the second chapter {time}
            {person} is coming by at six with the boxes
            the meeting about {topic} starts at ten
            I moved the table next to the window {time}
            the recipe needs two eggs and some flour
            I am looking for a second-hand desk
            the new timetable is on the notice board
            I watched the second half of the game {time}
            {person} asked which phone has the longer cable
            I bought bread, rice and coffee {time}
            the form for {topic} has three pages
            does anyone know when the pharmacy opens {time}
            I changed the settings and installed the update {time}
            the train leaves from platform four
            {person} and I are comparing two bicycles
            I am cooking lentils {time}
            it is cloudy here and about fifteen degrees
            the second season has eight episodes
            I put the laundry out and swept the floor {time}
            there is a talk about {topic} on Thursday
            """,
            """
            and the rest is for tomorrow
            the address is on the website
            it takes about twenty minutes
            the other one is on the shelf
            same as last week
            the list is on the table
            {person} has the key
            more on that later
            """,
        ),
        "joy": (
            """
            I am so happy about {topic} {time}
            what a wonderful day, I can't stop smiling
            feeling great {time}, everything worked out
            I passed, I am so happy and proud
            so excited for the weekend with {person}
            best news {time}, I am delighted
            we laughed so much {time}, pure joy
            I feel cheerful and full of energy {time}
            this makes me really happy
            amazing concert, what a fantastic night
            I am thrilled about {topic}
            life is good {time}, I am smiling
            we won and I am celebrating with {person}
            such a lovely surprise from {person}, I am overjoyed
            I had so much fun {time}
            finally good results, I am glad and relieved
            what a beautiful morning, I feel happy
            I enjoyed every minute {time}
            super happy with how {topic} turned out
            yay, it worked, this is awesome
            dancing in the kitchen {time}, so happy
            great laughs with {person}, I feel wonderful
            """,
            """
            what a great feeling
            I could sing all day
            this was so much fun
            smiling from ear to ear
            it made my whole week wonderful
            {person} is so happy too
            we are going to celebrate
            so good
            """,
        ),
        "affection": (
            """
            I love {person} so much
            {person} is the sweetest, I adore them
            so grateful for {person} {time}
            sending love and hugs to all my friends
            I really care about {person}
            thank you {person} for your kindness, much love
            a warm hug from {person} {time}, I feel loved
            my heart is full of love for {person}
            I am thankful for the people who love me
            hugging {person} {time}, such a tender moment
            {person} brought me soup, so caring and kind
            I cherish every evening with {person}
            love you, {person}, always
            so much affection for {person} {time}
            my dear friends, I love you all
            {person} held my hand, so much tenderness
            I appreciate {person} with all my heart
            cuddling with the cat {time}, so much love
            I am fond of {person}, such a kind soul
            what a loving message from {person} {time}
            """,
            """
            love you all
            big hugs
            my heart is warm
            so thankful for that
            you are loved
            kisses to {person}
            I cherish that
            """,
        ),
        "sadness": (
            """
            I am so sad {time}
            I have been crying {time} because of {topic}
            I miss {person} so much, it hurts
            feeling heartbroken {time}
            {person} left and I am in tears
            such sad news {time}, I am grieving
            my heart is broken
            I feel miserable about {topic}
            I can't stop crying {time}
            it makes me so sad to think about {person}
            we lost our old dog {time}, I am devastated
            I feel down and tearful {time}
            what a sad goodbye with {person}
            I am mourning and everything hurts {time}
            so disappointed and sad about {topic}
            I feel sorrow whenever {person} is mentioned
            crying on the bus {time}
            it is a gloomy, sad day and I am unhappy
            I am hurt by what {person} said, tears again
            deeply unhappy {time}
            the old photos made me cry {time}
            I feel so blue {time}, I miss how it was
            """,
            """
            tears everywhere
            it still hurts
            I just want to cry
            I miss those days
            my heart aches
            {person} is crying too
            such a sad time
            it is a painful loss
            """,
        ),
        "fear": (
            """
            I am so scared {time}
            I am afraid of what comes next with {topic}
            something outside frightened me {time}
            I am terrified of losing {person}
            that noise scared me to death {time}
            I fear the worst about {topic}
            I am shaking with fear {time}
            I feel unsafe and frightened {time}
            this is terrifying, I am scared for {person}
            what a scary night, I could not sleep
            I am frightened for {person} {time}
            the warning siren terrified us {time}
            I am afraid to open the letter about {topic}
            scared to go out alone {time}
            so much danger out there, I am afraid
            I had a nightmare about {topic}, still terrified
            horror news {time}, I am really scared
            I dread the call about {topic}
            my hands tremble, I am so afraid {time}
            I am scared that it happens again
            """,
            """
            I am really afraid
            it is so scary
            my heart is pounding with fear
            {person} is frightened too
            I hope we are safe
            I am still trembling
            what a threat
            """,
        ),
        "anger": (
            """
            I am furious about {topic}
            I am so angry with {person} {time}
            this makes me so mad
            I hate how they handle {topic}
            what an outrage, I am livid
            so fed up with these lies {time}
            {person} broke a promise and I am raging
            I am sick of this, it is infuriating
            they ignored us {time} and I am outraged
            how dare they, I am angry
            I am so annoyed by {topic} {time}
            absolutely disgusting, this makes my blood boil
            stop lying about {topic}, it makes me furious
            I want to scream with rage {time}
            this is unfair and I am mad as hell
            I can't stand {person} {time}, so irritating
            they charged me twice {time}, I am furious
            so much anger in me about {topic}
            I am pissed off {time}
            what an idiot, {person} made me so angry
            I am irritated and angry about {topic}
            shame on them, I hate this
            """,
            """
            it makes me furious
            I am so mad
            what a disgrace
            they should be ashamed
            I hate it
            {person} is angry too
            enough is enough
            this is outrageous
            """,
        ),
        "loneliness": (
            """
            I feel so lonely {time}
            nobody calls me, I am all alone {time}
            eating alone {time}, nobody to talk to
            I feel left out and isolated {time}
            no friends here, so lonely
            I am alone again, {person} did not come
            loneliness hits hard {time}
            everyone has someone and I am by myself
            I feel invisible and alone {time}
            I wish I had somebody to talk to {time}
            the house is silent and I am so lonely
            nobody would notice, I feel abandoned
            I have no one to share {topic} with, so alone
            another evening alone, feeling isolated
            surrounded by people and still so lonely {time}
            I feel excluded and forgotten {time}
            {person} moved away and I am lonely
            I am lonely and the phone never rings
            always alone {time}, no company
            I feel like an outsider, so isolated
            """,
            """
            I am so alone
            nobody is here
            no one asks how I am
            I miss having company
            just me and the walls
            it is so lonely
            """,
        ),
        "anxiety": (
            """
            I am so worried about {topic}
            my anxiety is through the roof {time}
            I feel anxious about {topic} {time}
            so stressed {time}, too much pressure
            I can't relax, I keep worrying about {topic}
            I am nervous and restless {time}
            panic attack {time} because of {topic}
            overthinking {topic} again, so anxious
            I am overwhelmed by {topic} {time}
            I can't sleep, worried about {person}
            so much stress with {topic}
            I feel tense and uneasy {time}
            my stomach hurts from stress {time}
            I am panicking about {topic}
            worried sick about {person} {time}
            the uncertainty about {topic} makes me anxious
            I am on edge {time}, so nervous
            anxious thoughts all night about {topic}
            too many worries {time}, I am stressed out
            my heart is racing, I am nervous about {topic}
            I feel the pressure of {topic}, so stressed
            I worry about everything {time}
            """,
            """
            I am so nervous
            I can't stop worrying
            so much pressure
            the stress is too much
            {person} is worried too
            I need to breathe
            my anxiety again
            what if it goes wrong
            """,
        ),
        "depression": (
            """
            I am exhausted and empty {time}
            I have no energy for anything {time}
            so tired of everything, nothing matters
            I feel hopeless about {topic}
            can't get out of bed {time}, so tired
            I feel numb and worthless {time}
            everything is pointless {time}
            I am burnt out and feel empty
            I lost interest in everything, even in {topic}
            depressed again {time}, no motivation
            no strength left {time}, I am worn out
            I feel like a failure {time}
            I sleep all day and I am still exhausted
            I feel dead tired and useless {time}
            nothing brings me joy anymore
            my depression is heavy {time}
            I am drained by {topic}, no hope left
            I hate myself {time}, I am a burden to {person}
            so hopeless and tired {time}
            days feel grey and meaningless, I am exhausted
            """,
            """
            no energy left
            I feel empty
            nothing helps
            so tired
            I can't see the point
            I just want to stay in bed
            everything feels heavy
            """,
        ),
    },
)
