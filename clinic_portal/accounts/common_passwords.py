"""Passwords of ten and more signs that guessers try first, in the form that `rules.fold` gives, without digits at the end."""

COMMON_PASSWORDS = frozenset(
    """
    password passw0rd p@ssword p@ssw0rd mypassword thepassword newpassword password1password secretpassword passwordpassword
    palavrapasse palavra-passe palavrachave minhasenha senhasenha aminhasenha senha segredo segredosegredo
    qwerty qwertyuiop qwertyuiopasdfghjkl qwerty123qwerty qwertyqwerty qwerty12345 qazwsx qazwsxedc qazwsxedcrfv asdfghjkl
    asdfghjklzxcvbnm zxcvbnm 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6 zaq12wsx
    1234567890 0123456789 0987654321 9876543210 12345678910 123456789a 123456789q a123456789 q123456789 1234554321 123123123123
    123456123456 1122334455 112233445566 1223334444 1212121212 1010101010 123321123321 147258369 1472583690 159753159753
    abcdefghij abcdefghijk abcdefghijkl abcdefghijklmnopqrstuvwxyz abc abcabcabc abcd abcdef abcdefg abc123abc123 a1b2c3d4e5
    iloveyou iloveyouforever iloveyousomuch euamovoce amoteamote amormeu meuamor meuamorzinho amoramor teamomuito
    football basketball baseball superman batman spiderman pokemon dragon monkey master mustang michael jessica jennifer
    princess princesa sunshine butterfly chocolate chocolates letmein letmeinnow welcome welcome1welcome bemvindo bemvinda
    trustnoone trustno computer internet starwars whatever whateverwhatever administrator administrador admin adminadmin
    root changeme changemenow changeit temporary default testtest testtesttest testing test guest user username
    portugal lisboa lisbon porto benfica sporting sportingcp fcporto slbenfica benficabenfica portugalportugal ronaldo
    cristiano cristianoronaldo cristianoronaldo7 saudade obrigado obrigada santamaria jesuscristo jesuschrist
    clinic clinica aminhaclinica hospital medico doctor patient paciente saude health massage massagem fisioterapia
    """.split()  # noqa: SIM905 - one word a line would be two hundred lines
)
